import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isBlockedPort } from '../../../src/platform/blocked-ports.ts'
import { declarations, futureSettings } from '../../../src/platform/config/declaration.ts'
import { packageFolder } from '../../../src/platform/config/installation-folder.ts'
import type { Setting } from '../../../src/platform/config/setting-kinds.ts'
import { activationDelay, poolShare, readSettings, SettingsError } from '../../../src/platform/config/settings.ts'

const key = 'k'.repeat(43)
const otherKey = 'o'.repeat(43)

function folderWith(t: Test, files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'signet-settings-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** What is wrong with these settings; empty if they are valid. */
function faultsOf(environment: Record<string, string>, folder = '/nowhere'): readonly string[] {
  try {
    readSettings(environment, folder)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.faults
    throw error
  }
}

t.test("all faults are reported together, each with the setting's name and what it accepts", async (t) => {
  const environment = {
    SIGNET_ISSUER: 'http://id.example.com',
    SIGNET_PORT: '65536',
    SIGNET_ACCESS_TOKEN_TTL: '15 minutes',
    SIGNET_SIGN_UP: 'maybe',
    SIGNET_MASTER_KEY: 'short',
    SIGNET_TLS_CERT: 'cert.pem',
    SIGNET_TYPO: '1',
  }
  const faults = faultsOf(environment)
  t.same(
    faults.map((fault) => /^SIGNET_[A-Z_]+/.exec(fault)?.[0]).sort(),
    Object.keys(environment).sort(),
    'one fault each',
  )
  for (const [name, accepted] of [
    ['SIGNET_ISSUER', 'https unless the host is loopback'],
    ['SIGNET_PORT', 'a whole number from 1 to 65535; got "65536"'],
    ['SIGNET_ACCESS_TOKEN_TTL', 'a duration such as `15m`'],
    ['SIGNET_SIGN_UP', '`open`, `invite`, `closed`'],
    ['SIGNET_MASTER_KEY', '32 bytes, base64url.'],
    ['SIGNET_TYPO', 'there is no such setting'],
  ] as const)
    t.ok(
      faults.some((fault) => fault.startsWith(`${name}:`) && fault.includes(accepted)),
      name,
    )
  t.match(new SettingsError(faults).message, /^Invalid settings:\n {2}- SIGNET_/)
})

t.test("secrets are never printed, not even invalid ones, nor a password in the issuer's URL", async (t) => {
  const secrets = Object.entries<Setting<unknown>>(declarations).flatMap(([name, { secret }]) => (secret ? [name] : []))
  t.ok(secrets.includes('SIGNET_MASTER_KEY') && secrets.includes('SIGNET_DATABASE_URL'))
  const folder = folderWith(t, { secret: 'very-secret' })
  for (const name of secrets) {
    // Any text is a password, but this one has no user.
    const fault = new RegExp(`^${name}: ${name === 'SIGNET_SMTP_PASSWORD' ? 'requires a user' : 'expected'} `)
    t.match(faultsOf({ [name]: 'very-secret' }), [fault])
    t.match(faultsOf({ [`${name}_FILE`]: 'secret' }, folder), [fault])
    t.notMatch(faultsOf({ [name]: 'very-secret' }).join(), 'very-secret')
    t.notMatch(faultsOf({ [`${name}_FILE`]: 'secret' }, folder).join(), 'very-secret')
  }
  const faults = faultsOf({ SIGNET_ISSUER: `https://operator:${'very-secret'.repeat(20)}@id.example.com` })
  t.match(faults, [/^SIGNET_ISSUER/])
  t.notMatch(faults.join(), 'very-secret')
})

t.test('a value of 8 KB is not repeated', async (t) => {
  t.ok(faultsOf({ SIGNET_HOST: 'h'.repeat(8192) }).join().length < 300)
})

t.test(
  'unknown names in the environment and in .env stop the start; those of tests and other programs do not',
  async (t) => {
    t.same(faultsOf({ SIGNET_ISSUR: 'https://id.example.com' }), [
      'SIGNET_ISSUR: there is no such setting. Did you mean SIGNET_ISSUER?',
    ])
    const meant = (name: string) => /mean (\w+)\?/.exec(faultsOf({ [name]: 'x' }).join())?.[1]
    t.equal(meant('SIGNET_PROT'), 'SIGNET_PORT')
    t.equal(meant('SIGNET_DATABSE_URL_FILE'), 'SIGNET_DATABASE_URL_FILE')
    t.equal(meant('SIGNET_signup'), undefined, 'no similar name')
    t.equal(meant(`SIGNET_${'x'.repeat(100_000)}`), undefined)
    t.match(faultsOf({ SIGNET_constructor: '1', SIGNET___proto__: '1' }), [/SIGNET_constructor/, /SIGNET___proto__/])
    t.match(
      faultsOf({ SIGNET_PORT_FILE: 'port' }),
      [/^SIGNET_PORT_FILE: there is no such setting/],
      'only secrets can come from a file',
    )
    const folder = folderWith(t, { '.env': 'SIGNET_ISSUR=x\nOTHER=y\n' })
    const inFile = `SIGNET_ISSUR: there is no such setting; it is in ${join(folder, '.env')}. Did you mean SIGNET_ISSUER?`
    t.same(faultsOf({}, folder), [inFile])
    t.same(faultsOf({ SIGNET_TEST_DATABASE_URL: 'anything', PATH: '/bin', SIGNETISSUER: 'x' }), [])
  },
)

t.test('a secret comes from the environment or from a file, but not from both', async (t) => {
  const folder = folderWith(t, { key: `${key}\n`, empty: '' })
  t.same(readSettings({ SIGNET_MASTER_KEY_FILE: 'key' }, folder).masterKey, Buffer.from(key, 'base64url'))
  t.same(readSettings({ SIGNET_MASTER_KEY_FILE: join(folder, 'key') }, '/nowhere').masterKey?.length, 32)
  t.match(faultsOf({ SIGNET_MASTER_KEY_FILE: 'key', SIGNET_MASTER_KEY: key }, folder), [
    'SIGNET_MASTER_KEY_FILE: SIGNET_MASTER_KEY is also set. Remove one of them.',
  ])
  t.match(faultsOf({ SIGNET_MASTER_KEY_FILE: 'none' }, folder), [/^SIGNET_MASTER_KEY_FILE: cannot be read \(ENOENT\)/])
  t.match(faultsOf({ SIGNET_MASTER_KEY_FILE: '.' }, folder), [/^SIGNET_MASTER_KEY_FILE: cannot be read \(EISDIR\)/])
  t.match(faultsOf({ SIGNET_MASTER_KEY_FILE: 'empty' }, folder), [/^SIGNET_MASTER_KEY: expected 32 bytes/])
})

t.test('.env is read from the folder, and the environment takes precedence', async (t) => {
  const folder = folderWith(t, { '.env': 'SIGNET_PORT=4100\nSIGNET_SIGN_UP="closed"\n# SIGNET_HOST=::1\n' })
  const settings = readSettings({ SIGNET_PORT: '4200', SIGNET_HOST: '' }, folder)
  t.match(settings, { port: 4200, signUp: 'closed', host: '127.0.0.1' })
  const unreadable = folderWith(t)
  mkdirSync(join(unreadable, '.env'))
  t.match(faultsOf({ SIGNET_PORT: 'x' }, unreadable), [/\.env: cannot be read \(EISDIR\)/, /^SIGNET_PORT/])
})

const withMail = {
  SIGNET_ISSUER: 'https://id.example.com',
  SIGNET_SMTP_URL: 'smtp://mail.example.com',
  SIGNET_MAIL_FROM: 'id@example.com',
}

t.test('contradictory settings stop the start', async (t) => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ SIGNET_KEY_ROTATION_PERIOD: '2d' }, /^SIGNET_KEY_ROTATION_PERIOD: must be longer than twice .* of 1452m/],
    [{ SIGNET_VERIFIER_CACHE: '45d' }, /^SIGNET_KEY_ROTATION_PERIOD/],
    [{ SIGNET_REFRESH_TOKEN_TTL: '91d' }, /^SIGNET_REFRESH_TOKEN_TTL/],
    [{ SIGNET_SESSION_IDLE_TTL: '31d' }, /^SIGNET_SESSION_IDLE_TTL/],
    [{ SIGNET_MASTER_KEY: key, SIGNET_MASTER_KEY_PREVIOUS: key }, /^SIGNET_MASTER_KEY_PREVIOUS/],
    [{ SIGNET_TLS_KEY: 'key.pem' }, /^SIGNET_TLS_CERT and SIGNET_TLS_KEY: must be set together/],
    [{ SIGNET_TLS_KEY: 'key.pem', SIGNET_TLS_CERT: 'cert.pem' }, /require an https issuer, but SIGNET_ISSUER is http/],
    [{ SIGNET_SIGN_UP_DOMAINS: 'example.com' }, /^SIGNET_SIGN_UP_DOMAINS: requires SIGNET_EMAIL_VERIFICATION/],
    [
      { SIGNET_ISSUER: 'https://id.example.com', SIGNET_SIGN_UP_DOMAINS: 'example.com' },
      /^SIGNET_SIGN_UP_DOMAINS: requires SIGNET_SMTP_URL/,
    ],
    [
      { ...withMail, SIGNET_SIGN_UP_DOMAINS: 'example.com', SIGNET_EMAIL_VERIFICATION: 'optional' },
      /^SIGNET_SIGN_UP_DOMAINS: requires SIGNET_EMAIL_VERIFICATION/,
    ],
    [
      { SIGNET_ISSUER: 'https://id.example.com', SIGNET_EMAIL_VERIFICATION: 'required' },
      /^SIGNET_EMAIL_VERIFICATION: `required` also requires SIGNET_SMTP_URL/,
    ],
    [{ SIGNET_SMTP_URL: 'smtp://mail.example.com' }, /^SIGNET_SMTP_URL: also requires SIGNET_MAIL_FROM/],
    [{ ...withMail, SIGNET_SMTP_PASSWORD: 'pass' }, /^SIGNET_SMTP_PASSWORD: requires a user in SIGNET_SMTP_URL/],
    [{ ...withMail, SIGNET_SMTP_URL: 'smtp://user@mail.example.com' }, /^SIGNET_SMTP_URL: .*Set SIGNET_SMTP_PASSWORD/],
    [
      { ...withMail, SIGNET_SMTP_URL: 'smtp://user:one@mail.example.com', SIGNET_SMTP_PASSWORD: 'other' },
      /^SIGNET_SMTP_PASSWORD: SIGNET_SMTP_URL has a password, too/,
    ],
  ]
  for (const [environment, message] of cases) t.match(faultsOf(environment), [message])
  t.same(faultsOf({ SIGNET_MASTER_KEY: key, SIGNET_MASTER_KEY_PREVIOUS: otherKey }), [])
  t.equal(activationDelay({ jwksMaxAge: 300, verifierCache: 86_400, clockSkew: 60, keyLease: 60 }), 87_120)
  t.same(faultsOf({ SIGNET_KEY_ROTATION_PERIOD: '174241s' }), [], 'one second more than twice the delay is enough')
  t.equal(faultsOf({ SIGNET_KEY_ROTATION_PERIOD: '174240s' }).length, 1)
  t.same(faultsOf({ ...withMail, SIGNET_SIGN_UP_DOMAINS: 'example.com' }), [], 'with a mail server it is required')
  const local = { SIGNET_EMAIL_VERIFICATION: 'required', SIGNET_SIGN_UP_DOMAINS: 'example.com' }
  t.same(faultsOf(local), [], 'a loopback issuer writes mails to files')
})

t.test('an issuer is an origin in its canonical form, and https unless it is this machine', async (t) => {
  const good = [
    'https://id.example.com',
    'https://id.example.com:8443',
    'https://xn--bcher-kva.example',
    'https://10.0.0.1',
    'https://[2001:db8::1]',
    'http://localhost',
    'http://localhost:4000',
    'http://idp.localhost:4000',
    'http://127.0.0.1:4000',
    'http://127.1.2.3:4000',
    'http://[::1]:4000',
  ]
  for (const issuer of good) t.equal(readSettings({ SIGNET_ISSUER: issuer }, '/nowhere').issuer, issuer)
  const bad = [
    'id.example.com',
    'https://id.example.com/',
    'https://id.example.com/tenant',
    'https://id.example.com?x',
    'https://id.example.com#x',
    'https://user@id.example.com',
    'https://ID.example.com',
    'HTTPS://id.example.com',
    'https://id.example.com:443',
    'https://id.example.com:0443',
    'https://id.example.com.',
    'https://*.example.com',
    'https://b\u00fccher.example',
    ' https://id.example.com',
    'https://id.example.com\n',
    'http://id.example.com',
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
    'http://10.0.0.1',
    'http://127.1',
    'http://localhost:0',
    'ftp://localhost',
    'javascript:alert(1)',
  ]
  for (const issuer of bad)
    t.match(faultsOf({ SIGNET_ISSUER: issuer }), [/^SIGNET_ISSUER: expected/], JSON.stringify(issuer))
  t.match(faultsOf({ SIGNET_ISSUER: 'http://localhost:4000/' }), [/The problem: it must not end with a slash\.$/])
  t.notMatch(faultsOf({ SIGNET_ISSUER: 'http://localhost:4000/path/' }).join(), /The problem/)
})

t.test('the port is the set one, otherwise that of a loopback issuer, otherwise 4000', async (t) => {
  const portOf = (environment: Record<string, string>) => readSettings(environment, '/nowhere').port
  t.equal(portOf({}), 4000)
  t.equal(portOf({ SIGNET_ISSUER: 'http://localhost:5000' }), 5000)
  t.equal(portOf({ SIGNET_ISSUER: 'http://localhost' }), 80)
  t.equal(portOf({ SIGNET_ISSUER: 'https://id.example.com:8443' }), 4000)
  t.equal(portOf({ SIGNET_ISSUER: 'http://localhost:5000', SIGNET_PORT: '6001' }), 6001)
  for (const port of ['0', '-1', '4000.5', '1e3', '0x10', ' 80', '99999', '٤٠'])
    t.match(faultsOf({ SIGNET_PORT: port }), [/^SIGNET_PORT/], port)
})

t.test('a port that browsers block is rejected, unless a proxy is in front', async (t) => {
  for (const port of [1, 22, 2049, 5060, 6000, 6566, 6665, 6669, 6697, 10_080])
    for (const issuer of [`http://localhost:${port}`, `https://id.example:${port}`, `http://[::1]:${port}`])
      t.match(
        faultsOf({ SIGNET_ISSUER: issuer }),
        [new RegExp(`^SIGNET_ISSUER: has the port ${port}, and browsers do not connect to it .* such as 4000\\.$`)],
        issuer,
      )
  t.match(faultsOf({ SIGNET_PORT: '6666' }), [/^SIGNET_PORT: is 6666, and browsers do not connect/])
  t.same(faultsOf({ SIGNET_ISSUER: 'https://id.example', SIGNET_PORT: '6000' }), [])
  t.same(faultsOf({ SIGNET_ISSUER: 'http://localhost:6001' }), [])
  // Node has the same list, so nothing is contacted.
  for (let port = 1; port < 11_000; port++) {
    if (!isBlockedPort(port)) continue
    const cause = await fetch(`http://127.0.0.1:${port}/`).catch((error: Error) => error.cause)
    t.match(String(cause), 'bad port', String(port))
  }
})

t.test('a setting of a feature that does not exist yet is rejected, whatever its value', async (t) => {
  t.match(faultsOf({ SIGNET_STATUS_LIST_TTL: '15s' }), [
    'SIGNET_STATUS_LIST_TTL: has no effect, because this release has no status lists. Remove it.',
  ])
  t.notOk(Object.keys(futureSettings).some((name) => Object.hasOwn(declarations, name)))
})

t.test('every setting has an effect: the code reads it', async (t) => {
  const sources = join(packageFolder, 'src')
  const code = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !file.startsWith('platform/config/') && !file.startsWith('cli/doctor/'))
    .map((file) => readFileSync(join(sources, file), 'utf8'))
    .concat(String(activationDelay))
    .join('\n')
  // A destructured setting appears in the code without a dot.
  for (const name of Object.keys(readSettings({}, '/nowhere')))
    t.match(code, new RegExp(`[sS]ettings\\.${name}\\b|[{,]\\s*${name}\\b[^(]*\\}`), name)
})

t.test('relative paths start at the installation folder, whatever the working directory', async (t) => {
  const settings = readSettings(
    { SIGNET_ISSUER: 'https://id.example', SIGNET_TLS_CERT: 'tls/cert.pem', SIGNET_TLS_KEY: '/etc/tls/key.pem' },
    '/srv/signet',
  )
  t.match(settings, {
    dataDir: '/srv/signet/.signet',
    keysDir: '/srv/signet/keys',
    tls: { certFile: '/srv/signet/tls/cert.pem', keyFile: '/etc/tls/key.pem' },
  })
})

t.test('durations have a unit and bounds', async (t) => {
  const lifetime = (text: string) => readSettings({ SIGNET_ID_TOKEN_TTL: text }, '/nowhere').idTokenTtl
  t.same(['10s', '15m', '24h', '3650d'].map(lifetime), [10, 900, 86_400, 315_360_000])
  for (const text of ['10', '9s', '0s', '-1h', '1.5h', '1H', '1 h', '1h30m', '3651d', '999999d', '1e3s', '١٥m'])
    t.match(
      faultsOf({ SIGNET_ID_TOKEN_TTL: text }),
      [/^SIGNET_ID_TOKEN_TTL: expected a duration .* from 10s to 3650d/],
      text,
    )
  // A timer cannot wait for longer than this: it would fire immediately, again and again.
  t.match(faultsOf({ SIGNET_KEY_LEASE: '75d' }), [/^SIGNET_KEY_LEASE: .* from 3s to 1h/])
})

t.test(
  'events are kept forever or for at least 30 days, because the database refuses to delete younger ones',
  async (t) => {
    const retention = (text: string) => readSettings({ SIGNET_EVENT_RETENTION: text }, '/nowhere').eventRetention
    t.same(['forever', '30d', '3650d', '720h'].map(retention), [undefined, 2_592_000, 315_360_000, 2_592_000])
    for (const text of ['29d', '719h', '0s', 'off', 'Forever', '3651d', '365'])
      t.match(faultsOf({ SIGNET_EVENT_RETENTION: text }), [
        /^SIGNET_EVENT_RETENTION: expected `forever`, or a duration .* from 30d/,
      ])
  },
)

t.test('private networks are addresses, ranges and hosts, all of which are named', async (t) => {
  const allowed = (text: string) =>
    readSettings({ SIGNET_ALLOW_PRIVATE_NETWORKS: text }, '/nowhere').allowPrivateNetworks
  t.same(allowed('10.0.0.0/8, keys.internal:8443,[fd00::1]:8443'), [
    '10.0.0.0/8',
    'keys.internal:8443',
    '[fd00::1]:8443',
  ])
  for (const text of [
    '*',
    'true',
    '10.0.0.0/8,',
    '0.0.0.0/0',
    '::/0',
    'https://keys.internal',
    'keys.internal:0',
    '10.1',
  ])
    t.match(faultsOf({ SIGNET_ALLOW_PRIVATE_NETWORKS: text }), [/^SIGNET_ALLOW_PRIVATE_NETWORKS/], text)
})

t.test('hosts of client ID metadata documents are host names, and a word for a switch is none', async (t) => {
  const hosts = (text: string) =>
    readSettings({ SIGNET_CLIENT_ID_METADATA_HOSTS: text }, '/nowhere').clientIdMetadataHosts
  t.same(hosts('*.example.com, Apps.example'), ['*.example.com', 'apps.example'])
  t.same(hosts('*'), ['*'])
  for (const text of ['off', 'None', 'on', 'all', 'https://a.example', 'a.example:8443', '*a.example', 'a.example,'])
    t.match(faultsOf({ SIGNET_CLIENT_ID_METADATA_HOSTS: text }), [/^SIGNET_CLIENT_ID_METADATA_HOSTS/], text)
})

t.test('proxies are addresses and ranges, and a schema is a name that PostgreSQL does not reserve', async (t) => {
  const proxies = (text: string) => readSettings({ SIGNET_TRUST_PROXY: text }, '/nowhere').trustProxy
  t.same(proxies('off'), [])
  t.same(proxies('loopback, 10.0.0.0/8,2001:db8::/32'), ['loopback', '10.0.0.0/8', '2001:db8::/32'])
  t.same(proxies('::ffff:10.0.0.0/104, ::1'), ['::ffff:10.0.0.0/104', '::1'])
  for (const text of [
    'true',
    '1',
    '10.0.0.0/33',
    '0.0.0.0/0',
    '::/0',
    '::ffff:0:0/96',
    '127.1',
    '010.0.0.1',
    '10.0.0.0/1e1',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0',
    'proxy.example.com',
    'loopback,',
  ])
    t.match(faultsOf({ SIGNET_TRUST_PROXY: text }), [/^SIGNET_TRUST_PROXY/], text)
  for (const text of [
    'Signet',
    '1st',
    'a-b',
    'pg_catalog',
    'information_schema',
    'a"; DROP SCHEMA public; --',
    'x'.repeat(64),
  ])
    t.match(faultsOf({ SIGNET_DATABASE_SCHEMA: text }), [/^SIGNET_DATABASE_SCHEMA/], text)
  for (const text of ['mysql://localhost/x', 'postgres://', 'localhost:5432', 'http://localhost'])
    t.match(faultsOf({ SIGNET_DATABASE_URL: text }), [/^SIGNET_DATABASE_URL/], text)
})

t.test('with nothing set, the settings are the documented defaults', async (t) => {
  t.same(readSettings({}, '/srv/signet'), {
    issuer: 'http://localhost:4000',
    host: '127.0.0.1',
    port: 4000,
    workers: 1,
    tls: undefined,
    trustProxy: [],
    databaseUrl: undefined,
    databaseSchema: 'signet',
    databasePool: 10,
    databasePreparedStatements: 'auto',
    dataDir: '/srv/signet/.signet',
    keysDir: '/srv/signet/keys',
    masterKey: undefined,
    masterKeyPrevious: undefined,
    accessTokenTtl: 900,
    idTokenTtl: 3600,
    refreshTokenTtl: 2_592_000,
    refreshTokenMaxTtl: 7_776_000,
    refreshGrace: 10,
    sessionTtl: 2_592_000,
    sessionIdleTtl: 604_800,
    keyRotationPeriod: 7_776_000,
    keyLease: 60,
    jwksMaxAge: 300,
    verifierCache: 86_400,
    clockSkew: 60,
    name: 'Signet',
    mail: {
      delivery: 'files',
      folder: '/srv/signet/.signet/mail',
      from: { name: undefined, address: 'signet@localhost' },
    },
    emailVerification: 'optional',
    signUp: 'open',
    registration: 'closed',
    registrationUnusedTtl: 86_400,
    legacyResponseTypes: 'off',
    clientIdMetadataHosts: [],
    signUpDomains: [],
    breachedPasswordsUrl: undefined,
    passwordSignIn: 'on',
    secondFactor: 'optional',
    passwordMinLength: 15,
    allowPrivateNetworks: [],
    metricsToken: undefined,
    shutdownDelay: 0,
    eventRetention: 31_536_000,
    keepAliveTimeout: 130,
    logLevel: 'info',
  })
})

t.test('the pool is shared by all processes of a node, and each needs two connections', async (t) => {
  const read = (more: Record<string, string>) => readSettings(more, '/nowhere')
  const sharesOf = (more: Record<string, string>) => {
    const settings = read(more)
    return { all: settings.databasePool, each: poolShare(settings) }
  }
  t.same(sharesOf({ SIGNET_WORKERS: '2' }), { all: 15, each: 5 })
  t.same(sharesOf({ SIGNET_WORKERS: '16' }), { all: 85, each: 5 })
  t.same(sharesOf({ SIGNET_WORKERS: '64' }), { all: 325, each: 5 })
  t.same(sharesOf({ SIGNET_WORKERS: '4', SIGNET_DATABASE_POOL: '14' }), { all: 14, each: 2 })
  t.match(faultsOf({ SIGNET_WORKERS: '4', SIGNET_DATABASE_POOL: '9' }), [
    'SIGNET_DATABASE_POOL: must be at least 10 with 4 workers (SIGNET_WORKERS).',
  ])
  t.equal(read({ SIGNET_WORKERS: '1', SIGNET_DATABASE_POOL: '2' }).databasePool, 2, 'one process has all of them')
  t.equal(read({ SIGNET_WORKERS: 'auto' }).workers, Math.min(availableParallelism(), 64))
  for (const text of ['0', '65', '-1', '1.5', 'all', ' 2', '2 ', '1e1', '0x2'])
    t.match(faultsOf({ SIGNET_WORKERS: text }), [/^SIGNET_WORKERS: expected `auto`/], text)
})

t.test('domains of sign-up are domain names, and nothing else that a parser of URLs would accept', async (t) => {
  const domainsOf = (text: string) =>
    readSettings({ ...withMail, SIGNET_SIGN_UP_DOMAINS: text }, '/nowhere').signUpDomains
  t.same(domainsOf('example.com'), ['example.com'])
  t.same(domainsOf(' Example.COM , @example.org,example.com'), ['example.com', 'example.org'])
  t.same(domainsOf('b\u00fccher.example,xn--bcher-kva.example'), ['xn--bcher-kva.example'])
  t.same(domainsOf('gro\u1e9e.example,gro\u00df.example'), ['xn--gro-7ka.example'])
  for (const [text, why] of [
    ['example.com,', 'a domain name is missing'],
    [',', 'a domain name is missing'],
    ['example.com example.org', '"example.com example.org" is not a domain name'],
    ['example.com.', '"example.com." is not a domain name'],
    ['*.example.com', 'is not a domain name'],
    ['.example.com', 'is not a domain name'],
    ['person@example.com', 'is not a domain name'],
    ['https://example.com', 'is not a domain name'],
    ['example.com/path', 'is not a domain name'],
    ['example.com:25', 'is not a domain name'],
    ['ex%61mple.com', 'is not a domain name'],
    ['exam\u200bple.com', 'is not a domain name'],
    ['192.0.2.1', 'is not a domain name'],
    ['localhost', 'is not a domain name'],
    ['xn--abc-.example', 'is not a domain name'],
    [`${'a'.repeat(64)}.example`, 'is not a domain name'],
    ['a.'.repeat(5000), 'is not a domain name'],
  ] as const)
    t.match(
      faultsOf({ ...withMail, SIGNET_SIGN_UP_DOMAINS: text }),
      [new RegExp(`^SIGNET_SIGN_UP_DOMAINS: expected domain names .* The problem: .*${why}\\.$`)],
      text,
    )
})

t.test('a name is text that people can see and tell apart', async (t) => {
  const nameOf = (name: string) => readSettings({ SIGNET_NAME: name }, '/nowhere').name
  t.equal(readSettings({}, '/nowhere').name, 'Signet')
  for (const name of [
    'Acme',
    'A&T <Labs>',
    '東京大学',
    'دانشگاه\u200cها',
    'שלום',
    '👩\u200d🔬 Lab',
    'é'.repeat(60),
    '7',
  ])
    t.equal(nameOf(name), name, 'markup is escaped where it is shown')
  const refused: [name: string, why: string][] = [
    ['a'.repeat(61), 'it has 61 characters'],
    ['x'.repeat(10_000), 'it has 10000 characters'],
    ['\u202egnihsihp', 'it contains the character U+202E'],
    ['Ac\u2066me', 'it contains the character U+2066'],
    ['Acme\u200b', 'it contains the character U+200B'],
    ['Acme\nLabs', 'it contains the character U+000A'],
    ['Ac\u0000me', 'it contains the character U+0000'],
    ['Acme\u2028Labs', 'it contains the character U+2028'],
    ['Ac\ud800me', 'it contains the character U+D800'],
    ['Acm\ufffd', 'it contains the character U+FFFD'],
    [' Acme', 'it begins or ends with a space'],
    ['...', 'it contains no letter'],
    ['\u200d', 'it contains no letter'],
  ]
  for (const [name, why] of refused) {
    const [fault = '', ...more] = faultsOf({ SIGNET_NAME: name })
    t.match(fault, `SIGNET_NAME: expected 1 to 60 visible characters; got `)
    t.ok(fault.endsWith(` The problem: ${why}.`), why)
    t.ok(fault.length < 300, 'a long name is not repeated')
    t.same(more, [])
  }
})

t.test('pages link only to https, to http on loopback and, for help, to an e-mail address', async (t) => {
  const urls = ['SIGNET_HELP_URL', 'SIGNET_PRIVACY_URL', 'SIGNET_TERMS_URL'] as const
  const good = ['https://acme.example/', 'https://acme.example/a?b=c#d', 'http://localhost:8080/x', 'http://127.0.0.1/']
  for (const name of urls) for (const url of good) t.same(faultsOf({ [name]: url }), [], url)
  t.equal(readSettings({ SIGNET_TERMS_URL: 'https://acme.example' }, '/nowhere').termsUrl, 'https://acme.example/')
  const help = 'mailto:help+signet@acme.example'
  t.equal(readSettings({ SIGNET_HELP_URL: help }, '/nowhere').helpUrl, help)
  const bad = [
    ...['javascript:alert(1)', 'JaVaScRiPt:alert(1)//https://acme.example', 'data:text/html,x', 'file:///etc/passwd'],
    ...['http://acme.example/', 'http://localhost.acme.example/', '//acme.example', '/help', 'acme.example', 'tel:+41'],
    ...['https://bank.example@acme.example/', 'https://a:b@acme.example/', 'https://', 'https:acme.example'],
    ...[' https://acme.example', 'https://acme.example/a b', 'https://acme.example\\@b', 'https://acme.example/\n'],
    ...[`https://acme.example/${'a'.repeat(2_000)}`, 'java\tscript:alert(1)'],
    ...[
      'mailto:',
      'mailto:help',
      'mailto:a@b.example,c@d.example',
      'mailto:a@b.example?bcc=c@d.example',
      'mailto:a@b\n.c',
    ],
  ]
  for (const name of urls)
    for (const url of bad) t.match(faultsOf({ [name]: url }), [new RegExp(`^${name}: expected an https URL`)], url)
  t.match(faultsOf({ SIGNET_TERMS_URL: help }), [/^SIGNET_TERMS_URL/], 'terms are not an e-mail address')
})

t.test('an accent colour is six hexadecimal digits, and is not lost in .env', async (t) => {
  const colourOf = (colour: string) => readSettings({ SIGNET_ACCENT_COLOR: colour }, '/nowhere').accentColor
  t.equal(colourOf('#FFcc00'), '#ffcc00')
  t.equal(colourOf('ffcc00'), '#ffcc00')
  for (const colour of [
    'red',
    '#fc0',
    '#ffcc0080',
    'rgb(1,2,3)',
    '#ffcc0g',
    '##ffcc0',
    '#ffcc00;}body{display:none',
    '#ffcc00\n',
  ])
    t.match(faultsOf({ SIGNET_ACCENT_COLOR: colour }), [/^SIGNET_ACCENT_COLOR: expected `#rrggbb` or `rrggbb`/], colour)
  const quoted = folderWith(t, { '.env': 'SIGNET_ACCENT_COLOR="#ffcc00"\n' })
  t.equal(readSettings({}, quoted).accentColor, '#ffcc00')
  const unquoted = folderWith(t, { '.env': 'SIGNET_ACCENT_COLOR=#ffcc00\nSIGNET_HOST= # the default\n' })
  t.match(faultsOf({}, unquoted), [
    /^SIGNET_ACCENT_COLOR: in .*, `#` begins a comment, so the value is empty\. Put it in quotes\.$/,
  ])
})

t.test('a logo needs a name, and only a server reads it', async (t) => {
  t.match(faultsOf({ SIGNET_LOGO: 'logo.png' }), [
    'SIGNET_LOGO: also requires SIGNET_NAME, which pages show beside the logo.',
  ])
  const settings = readSettings({ SIGNET_LOGO: 'none.png', SIGNET_NAME: 'Acme' }, '/srv/signet')
  t.equal(settings.logo, '/srv/signet/none.png')
})
