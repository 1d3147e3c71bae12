import { readFileSync, renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { repairSecrets } from '../../src/key-ring/secret-decisions.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'
import { openPurposeSecret, openVersions, purposes } from '../../src/platform/secrets/purpose-secrets.ts'
import { loadPurposeSecrets } from '../../src/platform/secrets/purpose-secrets-store.ts'
import { openKeysInstallation } from './keys-installation.ts'

const { signet, json, database, keysDir } = await openKeysInstallation(t)
const file = join(keysDir, 'master.key')
const masterKeyNow = () =>
  openMasterKey(
    { masterKey: Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url'), masterKeyPrevious: undefined, keysDir },
    true,
  )
// As the first start of a server does.
await repairSecrets(database, await masterKeyNow(), new Map())

interface Listed {
  readonly purpose: string
  readonly version: number
  readonly state: string
  readonly [member: string]: unknown
}

const listed = () => json<Listed[]>('keys', 'secrets')
const statesOf = async (purpose: string) =>
  (await listed()).filter((one) => one.purpose === purpose).map(({ version, state }) => `${version} ${state}`)
const lastEvent = async (type: string) => (await json<Listed[]>('events', 'list', '--type', type)).at(-1)?.['detail']
const opened = async () => {
  const masterKey = await masterKeyNow()
  return (await loadPurposeSecrets(database)).map((secret) => openPurposeSecret(secret, masterKey).toString('hex'))
}

t.test('a mistake in the arguments is reported before anything is done', async (t) => {
  for (const [args, said] of [
    [['--purpose', 'crsf'], /no purpose crsf. The purposes are refresh-mac, request-sealing, csrf, session-id/],
    [['--purpose', 'csrf', '--all'], /cannot be used with/],
    [['--compromised', '--reason', 'leaked'], /Say which secrets have leaked: give --purpose or --all/],
    [['--compromised', '--all'], /requires --reason/],
    [['--reason', ' '], /must not be empty/],
  ] as [string[], RegExp][])
    t.match(await signet('keys', 'rotate-secrets', ...args), { code: 2, out: '', err: said })
  t.equal((await listed()).length, purposes.length)
})

t.test('a planned rotation creates one later version of every purpose, once', async (t) => {
  const made = await json<Listed[]>('keys', 'rotate-secrets', '--reason', 'every year')
  t.match(
    made,
    purposes.map((purpose) => ({ purpose, version: 2, activates_at: String, next: /when every node has loaded it/ })),
  )
  t.match(await signet('keys', 'rotate-secrets', '--purpose', 'csrf'), { code: 0, out: /already scheduled/ })
  for (const purpose of purposes) t.same(await statesOf(purpose), ['1 active', '2 standby'])
  t.match(await lastEvent('secret_created'), { by: String, reason: 'every year', purpose: String, version: 2 })
  await database.query({ text: `UPDATE purpose_secrets SET activates_at = now() WHERE version = 2` })
  t.same(await statesOf('csrf'), ['1 retiring', '2 active'])
  const out = (await signet('keys', 'secrets')).out
  t.match(out, /refresh-mac +1 +retiring.*until the last refresh token made with it has expired/)
  t.match(out, /client-secrets +1 +retiring.*until no secret of a client is sealed with it/)
  t.match(out, /recovery-codes +1 +retiring.*until no user has recovery codes from that time/)
  const order = (await listed()).map(({ purpose, version }) => `${purpose} ${version}`)
  t.same(order, order.toSorted(), 'by purpose and version')
  t.match(out, /session-id +1 +retiring.*until the last session that began with it has ended/)
  t.match(out, /csrf +1 +retiring.*accepted until 20/)
})

t.test('all versions are resealed with a new master key, even if both are renewed at the same moment', async (t) => {
  const before = await opened()
  const [resealed, rotated] = await Promise.all([
    signet('keys', 'reseal', '--new-master-key'),
    signet('keys', 'rotate-secrets', '--purpose', 'csrf'),
  ])
  t.match([resealed, rotated], [{ code: 0 }, { code: 0 }])
  t.match(await json('keys', 'reseal', '--forget-previous'), {
    previous: 'forgotten',
    purpose_secrets: 2 * purposes.length + 1,
  })
  const after = await opened()
  t.equal(after.length, 2 * purposes.length + 1)
  for (const secret of before) t.ok(after.includes(secret))
})

t.test('a leaked secret is replaced immediately and recorded in the keys directory', async (t) => {
  const masterKey = await openMasterKey({ masterKey: undefined, masterKeyPrevious: undefined, keysDir }, true)
  const leaked = openVersions(await loadPurposeSecrets(database), masterKey).filter(({ purpose }) => purpose === 'csrf')
  t.equal(leaked.length, 3)
  await database.query({ text: `INSERT INTO nodes (id) VALUES ('earlier')` })
  t.match(await signet('keys', 'rotate-secrets'), { code: 1, out: '', err: /earlier release.*Nothing was changed/ })
  const { code, out, err } = await signet(
    'keys',
    'rotate-secrets',
    '--compromised',
    '--purpose',
    'csrf',
    '--reason',
    'in a log',
  )
  t.match({ code, err }, { code: 0, err: '' })
  t.match(out, /csrf +4 .*open forms must be sent again/)
  t.match(out, /Nodes that are notified have stopped accepting the old versions; all others stop by \S+Z\./)
  t.match(out, /1 node runs an earlier release and will not notice: restart or stop it now\./)
  await database.query({ text: 'DELETE FROM nodes' })
  t.same((await statesOf('csrf')).sort(), ['1 revoked', '2 revoked', '3 revoked', '4 active'])
  t.same(await statesOf('refresh-mac'), ['1 retiring', '2 active'], 'the others remain')
  const ledger = readFileSync(join(keysDir, 'key-ledger.txt'), 'utf8')
  for (const { fingerprint } of leaked) t.match(ledger, `revoked-secret ${fingerprint} `)
  t.notMatch(ledger, leaked[0]?.secret.toString('base64url'))
  t.match(await json('recover'), { revoked_secrets: 3 })
  t.match(await lastEvent('secret_revoked'), { by: String, reason: 'in a log', purpose: 'csrf', version: 3 })
})

t.test(
  'a revocation that the database has lost is reported by commands that read it, and redone by signet recover',
  async (t) => {
    const { rows } = await database.query({ text: `SELECT * FROM purpose_secrets WHERE purpose = 'session-id'` })
    const leaked = await signet(
      'keys',
      'rotate-secrets',
      '--compromised',
      '--purpose',
      'session-id',
      '--reason',
      'leaked',
    )
    t.equal(leaked.code, 0)
    // As a restored backup would.
    await database.query({ text: `DELETE FROM purpose_secrets WHERE purpose = 'session-id'` })
    await database.query({ text: `DELETE FROM revoked_purpose_secrets WHERE purpose = 'session-id'` })
    for (const { purpose, version, sealed, activates_at } of rows)
      await database.query({
        text: 'INSERT INTO purpose_secrets (purpose, version, sealed, activates_at) VALUES ($1, $2, $3, $4)',
        values: [purpose, version, sealed, activates_at],
      })
    const told = await signet('keys', 'secrets')
    t.match(told, {
      code: 0,
      err: /Revoked in the keys directory, but not in the database: .*session-id \(version 1\).*: signet recover/,
    })
    t.match(told.out, /session-id +2 +active.*servers may still accept it: signet recover/)
    t.equal((await signet('doctor')).out.match(/purpose-secrets .*signet recover/s)?.length, 1)
    await json('recover')
    const states = await statesOf('session-id')
    t.same(
      states.filter((state) => !state.endsWith('revoked')),
      ['3 active'],
    )
    t.equal((await signet('keys', 'secrets')).err, '')
  },
)

t.test('the JSON output names everything that may still accept the leaked secret', async (t) => {
  const compromised = ['keys', 'rotate-secrets', '--compromised', '--purpose', 'session-id', '--reason', 'in a log']
  t.match(await json(...compromised), [{ earlier_nodes: 0, in_ledger: true, nodes_stopped_by: /Z$/ }])

  await database.query({ text: `INSERT INTO nodes (id) VALUES ('earlier'), ('another')` })
  const ledger = join(keysDir, 'key-ledger.txt')
  renameSync(ledger, `${ledger}.aside`)
  symlinkSync(join(keysDir, 'no-such-folder', 'ledger'), ledger)
  t.match(await json(...compromised), [{ purpose: 'session-id', earlier_nodes: 2, in_ledger: false }])
  unlinkSync(ledger)
  renameSync(`${ledger}.aside`, ledger)
  await database.query({ text: 'DELETE FROM nodes' })

  const refresh = ['keys', 'rotate-secrets', '--compromised', '--purpose', 'refresh-mac', '--reason', 'in a log']
  t.match(await json(...refresh), [{ purpose: 'refresh-mac', records_left: false }])
})

t.test('the doctor checks their age and whether they open', async (t) => {
  const finding = async (check: string) =>
    JSON.parse((await signet('doctor', '--json')).out).findings.find((one: { check: string }) => one.check === check)
  t.match(await finding('purpose-secrets'), {
    status: 'good',
    finding: /Every purpose has a secret.* 6 more versions are accepted/,
  })
  await database.query({
    text: `UPDATE purpose_secrets SET created_at = now() - interval '3 years', activates_at = '-infinity'`,
  })
  t.match(await finding('purpose-secrets'), {
    status: 'warning',
    finding: /In use for more than two years: .*csrf \(version 4\)/,
    advice: /signet keys rotate-secrets/,
  })
  const { rows } = await database.query({
    text: `UPDATE purpose_secrets SET sealed = '\\x00' WHERE purpose = 'csrf' RETURNING version`,
  })
  t.match(await finding('master-key'), { status: 'bad', finding: new RegExp(`csrf \\(version ${rows[0].version}\\)`) })
  await database.query({ text: `DELETE FROM purpose_secrets WHERE purpose = 'csrf'` })
  t.match(await finding('purpose-secrets'), { status: 'bad', finding: 'There is no secret for csrf.' })
})
