import { isBlockedPort } from '../blocked-ports.ts'
import { hasHostName, isLoopbackHost } from '../network-address.ts'
import { declarations, type SettingName, type Value } from './declaration.ts'
import { type MailSettings, mailSettings } from './mail-settings.ts'
import { formatDuration, type Setting } from './setting-kinds.ts'
import { readTexts } from './setting-sources.ts'

/** All settings in effect. Durations are in seconds. */
export interface Settings {
  readonly issuer: string
  readonly host: string
  readonly port: number
  /** SIGNET_WORKERS: processes that answer requests. */
  readonly workers: number
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined
  readonly trustProxy: readonly string[]
  readonly databaseUrl: string | undefined
  readonly databaseSchema: string
  readonly databasePool: number
  readonly databasePreparedStatements: Value<'SIGNET_DATABASE_PREPARED_STATEMENTS'>
  readonly dataDir: string
  readonly keysDir: string
  readonly masterKey: Buffer | undefined
  readonly masterKeyPrevious: Buffer | undefined
  readonly accessTokenTtl: number
  readonly idTokenTtl: number
  readonly refreshTokenTtl: number
  readonly refreshTokenMaxTtl: number
  readonly refreshGrace: number
  readonly sessionTtl: number
  readonly sessionIdleTtl: number
  readonly keyRotationPeriod: number
  readonly keyLease: number
  readonly jwksMaxAge: number
  readonly verifierCache: number
  readonly clockSkew: number
  /** Undefined: forever. */
  readonly eventRetention: number | undefined
  readonly shutdownDelay: number
  readonly keepAliveTimeout: number
  readonly name: string
  /** The path of a file, which is checked by the server's start. */
  readonly logo: string | undefined
  /** `#rrggbb` */
  readonly accentColor: string | undefined
  readonly helpUrl: string | undefined
  readonly privacyUrl: string | undefined
  readonly termsUrl: string | undefined
  readonly mail: MailSettings
  readonly emailVerification: 'optional' | 'required'
  readonly signUp: 'open' | 'invite' | 'closed'
  /** In lower case and Punycode. Empty: all domains. */
  readonly signUpDomains: readonly string[]
  /** SIGNET_PASSWORDS: whether people can sign in with a password. */
  readonly passwordSignIn: 'on' | 'off'
  /** Whether every sign-in needs two factors. */
  readonly secondFactor: 'optional' | 'required'
  /** Of a password that is the only factor. */
  readonly passwordMinLength: number
  /** Ends with a slash. */
  readonly breachedPasswordsUrl: string | undefined
  /** Entries that `createAllowedTargets` accepts. */
  readonly allowPrivateNetworks: readonly string[]
  /** Whether clients can register themselves. */
  readonly registration: 'closed' | 'token' | 'open'
  /** How long a client that registered itself is kept until it is first used. */
  readonly registrationUnusedTtl: number
  /** Whether response types other than `code` are offered. */
  readonly legacyResponseTypes: 'off' | 'on'
  /** Entries that `isAllowedDocumentHost` accepts. Empty: no client ID metadata documents. */
  readonly clientIdMetadataHosts: readonly string[]
  readonly metricsToken: string | undefined
  readonly logLevel: Value<'SIGNET_LOG_LEVEL'>
}

/** All faults of the settings together. The message has one line per fault, with the name of the setting and what it accepts. */
export class SettingsError extends Error {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(`Invalid settings:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
    this.name = 'SettingsError'
    this.faults = faults
  }
}

/**
 * Reads the settings from the environment, from `.env` in `folder` (the environment takes precedence) and from the files named by
 * `SIGNET_<NAME>_FILE`. An empty value counts as unset.
 *
 * @param environment usually `process.env`
 * @param folder the folder of `.env`, and the base of relative paths
 * @throws SettingsError with every fault found
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>, folder: string): Settings {
  const { texts, faults } = readTexts(environment, folder)

  const read = <N extends SettingName>(name: N): Value<N> | undefined => {
    const setting = declarations[name] as Setting<Value<N>>
    const text = texts.get(name) ?? setting.default
    if (text === undefined) return undefined
    const value = setting.parse(text, folder)
    if (value === undefined) {
      const fault = setting.fault?.(text)
      faults.push(
        `${name}: expected ${setting.accepts}${setting.secret ? '' : `; got ${shown(text)}`}.${fault ? ` The problem: ${fault}.` : ''}`,
      )
    }
    return value
  }
  // A setting with a default is absent only if its text is invalid, and then the faults below are thrown.
  const need = <N extends SettingName>(name: N): Value<N> => read(name) as Value<N>

  const issuer = need('SIGNET_ISSUER')
  const certFile = read('SIGNET_TLS_CERT')
  const keyFile = read('SIGNET_TLS_KEY')
  const workers = need('SIGNET_WORKERS')
  const retention = need('SIGNET_EVENT_RETENTION')
  const dataDir = need('SIGNET_DATA_DIR')
  const smtpUrl = read('SIGNET_SMTP_URL')
  const smtpPassword = read('SIGNET_SMTP_PASSWORD')
  const from = read('SIGNET_MAIL_FROM')
  const settings: Settings = {
    issuer,
    host: need('SIGNET_HOST'),
    port: read('SIGNET_PORT') ?? defaultPort(issuer),
    workers,
    tls: certFile && keyFile ? { certFile, keyFile } : undefined,
    trustProxy: need('SIGNET_TRUST_PROXY'),
    databaseUrl: read('SIGNET_DATABASE_URL'),
    databaseSchema: need('SIGNET_DATABASE_SCHEMA'),
    databasePool: read('SIGNET_DATABASE_POOL') ?? defaultPool(workers),
    databasePreparedStatements: need('SIGNET_DATABASE_PREPARED_STATEMENTS'),
    dataDir,
    keysDir: need('SIGNET_KEYS_DIR'),
    masterKey: read('SIGNET_MASTER_KEY'),
    masterKeyPrevious: read('SIGNET_MASTER_KEY_PREVIOUS'),
    accessTokenTtl: need('SIGNET_ACCESS_TOKEN_TTL'),
    idTokenTtl: need('SIGNET_ID_TOKEN_TTL'),
    refreshTokenTtl: need('SIGNET_REFRESH_TOKEN_TTL'),
    refreshTokenMaxTtl: need('SIGNET_REFRESH_TOKEN_MAX_TTL'),
    refreshGrace: need('SIGNET_REFRESH_GRACE'),
    sessionTtl: need('SIGNET_SESSION_TTL'),
    sessionIdleTtl: need('SIGNET_SESSION_IDLE_TTL'),
    keyRotationPeriod: need('SIGNET_KEY_ROTATION_PERIOD'),
    keyLease: need('SIGNET_KEY_LEASE'),
    jwksMaxAge: need('SIGNET_JWKS_MAX_AGE'),
    verifierCache: need('SIGNET_VERIFIER_CACHE'),
    clockSkew: need('SIGNET_CLOCK_SKEW'),
    eventRetention: retention === 'forever' ? undefined : retention,
    shutdownDelay: need('SIGNET_SHUTDOWN_DELAY'),
    keepAliveTimeout: need('SIGNET_KEEP_ALIVE_TIMEOUT'),
    name: need('SIGNET_NAME'),
    logo: read('SIGNET_LOGO'),
    accentColor: read('SIGNET_ACCENT_COLOR'),
    helpUrl: read('SIGNET_HELP_URL'),
    privacyUrl: read('SIGNET_PRIVACY_URL'),
    termsUrl: read('SIGNET_TERMS_URL'),
    mail: mailSettings({ issuer, dataDir, smtpUrl, smtpPassword, from }),
    emailVerification: read('SIGNET_EMAIL_VERIFICATION') ?? (smtpUrl === undefined ? 'optional' : 'required'),
    signUp: need('SIGNET_SIGN_UP'),
    registration: need('SIGNET_REGISTRATION'),
    registrationUnusedTtl: need('SIGNET_REGISTRATION_UNUSED_TTL'),
    legacyResponseTypes: need('SIGNET_LEGACY_RESPONSE_TYPES'),
    clientIdMetadataHosts: read('SIGNET_CLIENT_ID_METADATA_HOSTS') ?? [],
    signUpDomains: read('SIGNET_SIGN_UP_DOMAINS') ?? [],
    passwordSignIn: need('SIGNET_PASSWORDS'),
    secondFactor: need('SIGNET_SECOND_FACTOR'),
    passwordMinLength: need('SIGNET_PASSWORD_MIN_LENGTH'),
    breachedPasswordsUrl: read('SIGNET_BREACHED_PASSWORDS_URL'),
    allowPrivateNetworks: read('SIGNET_ALLOW_PRIVATE_NETWORKS') ?? [],
    metricsToken: read('SIGNET_METRICS_TOKEN'),
    logLevel: need('SIGNET_LOG_LEVEL'),
  }
  if (!certFile !== !keyFile)
    faults.push('SIGNET_TLS_CERT and SIGNET_TLS_KEY: must be set together; one of them is missing.')
  if (smtpUrl !== undefined && from === undefined && !texts.has('SIGNET_MAIL_FROM'))
    faults.push('SIGNET_SMTP_URL: also requires SIGNET_MAIL_FROM, the sender of all e-mails.')
  if (
    smtpPassword !== undefined &&
    (smtpUrl === undefined ? !texts.has('SIGNET_SMTP_URL') : !new URL(smtpUrl).username)
  )
    faults.push('SIGNET_SMTP_PASSWORD: requires a user in SIGNET_SMTP_URL (smtp://user@host).')
  if (faults.length === 0 && smtpUrl !== undefined) faults.push(...smtpPasswordFaults(smtpUrl, smtpPassword))
  if (faults.length === 0) faults.push(...contradictions(settings))
  if (faults.length > 0) throw new SettingsError(faults)
  return settings
}

/**
 * How long a key must have been published before it may sign, in seconds: the longest time that a correct verifier can work without having
 * seen it. The JWK Set is served with `Cache-Control: max-age=…, stale-while-revalidate=…`, both SIGNET_JWKS_MAX_AGE
 * (endpoints/jwks/jwks-endpoint.ts), so a cache may serve it stale for as long as it was fresh (RFC 5861 §3). After that, a verifier may keep
 * it for SIGNET_VERIFIER_CACHE. In addition, a node may not know the key for up to SIGNET_KEY_LEASE.
 */
export function activationDelay(
  settings: Pick<Settings, 'jwksMaxAge' | 'verifierCache' | 'clockSkew' | 'keyLease'>,
): number {
  return 2 * settings.jwksMaxAge + settings.verifierCache + settings.clockSkew + settings.keyLease
}

/** A user needs exactly one password. */
function smtpPasswordFaults(url: string, setting: string | undefined): string[] {
  const { username, password } = new URL(url)
  if (setting && password !== '')
    return ['SIGNET_SMTP_PASSWORD: SIGNET_SMTP_URL has a password, too. Remove one of them.']
  if (!setting && username !== '' && password === '')
    return ['SIGNET_SMTP_URL: has a user, but there is no password. Set SIGNET_SMTP_PASSWORD.']
  return []
}

/** Database connections. One process gets what two workers would have. */
function defaultPool(workers: number): number {
  return 5 * (Math.max(workers, 1) + 1)
}

/** The database connections of each process, if there are several: those that answer requests, and the one that starts them. */
export function poolShare({ databasePool, workers }: Pick<Settings, 'databasePool' | 'workers'>): number {
  return Math.floor(databasePool / (workers + 1))
}

function contradictions(settings: Settings): string[] {
  const faults = blockedPorts(settings)
  if (settings.workers > 1 && poolShare(settings) < 2)
    faults.push(
      `SIGNET_DATABASE_POOL: must be at least ${2 * (settings.workers + 1)} with ${settings.workers} workers (SIGNET_WORKERS).`,
    )
  const delay = activationDelay(settings)
  if (settings.keyRotationPeriod <= 2 * delay)
    faults.push(
      `SIGNET_KEY_ROTATION_PERIOD: must be longer than twice the activation delay of ${formatDuration(delay)} ` +
        '(2 × SIGNET_JWKS_MAX_AGE + SIGNET_VERIFIER_CACHE + SIGNET_CLOCK_SKEW + SIGNET_KEY_LEASE).',
    )
  if (settings.tls && settings.issuer.startsWith('http:'))
    faults.push('SIGNET_TLS_CERT and SIGNET_TLS_KEY: require an https issuer, but SIGNET_ISSUER is http.')
  if (settings.refreshTokenTtl > settings.refreshTokenMaxTtl)
    faults.push('SIGNET_REFRESH_TOKEN_TTL: must not be longer than SIGNET_REFRESH_TOKEN_MAX_TTL.')
  if (settings.sessionIdleTtl > settings.sessionTtl)
    faults.push('SIGNET_SESSION_IDLE_TTL: must not be longer than SIGNET_SESSION_TTL.')
  if (settings.logo !== undefined && settings.name === declarations.SIGNET_NAME.default)
    faults.push('SIGNET_LOGO: also requires SIGNET_NAME, which pages show beside the logo.')
  if (settings.emailVerification === 'required' && settings.mail.delivery === 'none')
    faults.push(
      'SIGNET_EMAIL_VERIFICATION: `required` also requires SIGNET_SMTP_URL, because this issuer sends no mail without it.',
    )
  if (settings.signUpDomains.length > 0 && settings.emailVerification !== 'required')
    faults.push(
      settings.mail.delivery === 'none'
        ? 'SIGNET_SIGN_UP_DOMAINS: requires SIGNET_SMTP_URL, because addresses must be verified. Otherwise anybody could sign up with an address of these domains.'
        : 'SIGNET_SIGN_UP_DOMAINS: requires SIGNET_EMAIL_VERIFICATION to be `required`. Otherwise anybody could sign up with an address of these domains.',
    )
  if (settings.passwordSignIn === 'off' && !hasHostName(settings.issuer))
    faults.push(
      'SIGNET_PASSWORDS: `off` requires an issuer with a host name, because browsers offer no passkeys for an IP address.',
    )
  if (settings.masterKeyPrevious && settings.masterKey?.equals(settings.masterKeyPrevious))
    faults.push('SIGNET_MASTER_KEY_PREVIOUS: is the same as SIGNET_MASTER_KEY.')
  return faults
}

/** A server on such a port works for all clients except browsers. Reported here, so that it is not found out at the first sign-in. */
function blockedPorts({ issuer, port }: Settings): string[] {
  const instead = 'browsers do not connect to it (Fetch standard, "bad port"). Choose another, such as 4000.'
  const url = new URL(issuer)
  if (url.port !== '' && isBlockedPort(Number(url.port)))
    return [`SIGNET_ISSUER: has the port ${url.port}, and ${instead}`]
  // Behind a proxy, any port works: browsers connect to the issuer's.
  if (isLoopbackHost(url.hostname) && isBlockedPort(port)) return [`SIGNET_PORT: is ${port}, and ${instead}`]
  return []
}

function defaultPort(issuer: string | undefined): number {
  if (issuer === undefined) return 4000
  const { hostname, port, protocol } = new URL(issuer)
  if (!isLoopbackHost(hostname)) return 4000
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}

/** An invalid value for a message: truncated, and without the user name and password that a URL may contain. */
function shown(text: string): string {
  const maxLength = 100
  const safe = text.replace(/\/\/[^/]*@/g, '//...@')
  return JSON.stringify(safe.length > maxLength ? `${safe.slice(0, maxLength)}...` : safe)
}
