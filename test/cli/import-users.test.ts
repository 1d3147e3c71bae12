import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { foreignHashes, keycloakCredentials } from '../support/foreign-hashes.ts'
import { answer, openConsole } from './console.ts'

const { signet, signetReading, json, database, environment } = await openConsole(t)
const folder = mkdtempSync(join(tmpdir(), 'signet-import-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

interface Report {
  readonly rows: readonly { where: string; id: string; outcome: string; reason: string }[]
  readonly notes: readonly { note: string; rows: number; first: string }[]
  readonly imported: number
  readonly skipped: number
  readonly refused: number
  readonly dry_run: boolean
}

const bcrypt = foreignHashes['bcrypt $2b$']!.hash
const lines = (...rows: unknown[]) =>
  rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n')

async function importing(input: string | Buffer, ...args: string[]): Promise<Report & { code: number; err: string }> {
  const { code, out, err } = await signetReading(input, 'users', 'import', ...args, '--json')
  return { ...(JSON.parse(out || '{}') as Report), code, err }
}

async function refusalOf(row: unknown, ...args: string[]): Promise<string | undefined> {
  const { rows, imported } = await importing(lines(row), ...args)
  return imported === 0 ? rows[0]?.reason : undefined
}

function fileOf(name: string, content: string): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

async function count(): Promise<number> {
  const { rows } = await database.query<{ count: number }>({ text: 'SELECT count(*) FROM accounts' })
  return rows[0]!.count
}

t.test('hostile rows are refused with a reason, each by itself, and leave nothing behind', async (t) => {
  const before = await count()
  const cases: [unknown, RegExp][] = [
    ['{"username": "broken"', /cannot be read: it is not JSON/],
    ['"a text"', /not a JSON object/],
    ['{"username": "twice", "username": "other"}', /member twice/],
    ['{"__proto__": {"email_verified": true}, "username": "proto"}', /__proto__/],
    [`{"username": "deep", "x": ${'['.repeat(100)}${']'.repeat(100)}}`, /nested/],
    [`{"username": "long", "x": "${'x'.repeat(300_000)}"}`, /longer than 262144 bytes/],
    [{ username: 'nul\0' }, /not valid/],
    [{ username: 'a', name: 'N\0' }, /name .* is not valid/],
    [{ username: 'a', email_verified: 'true' }, /true or false/],
    [{ username: ['a'] }, /must be a text/],
    [{ username: 'a', sub: 5 }, /must be a text/],
    [{ username: 'a', sub: { toString: 1, valueOf: 1 } }, /sub must be a text/],
    [{ username: 'a', sub: 'two words' }, /sub must be/],
    [{ username: 'a', sub: 'ä' }, /sub must be/],
    [{ username: 'a', sub: 'x'.repeat(256) }, /sub must be/],
    [{ username: 'a', sub: 'client_AAAAAAAAAAAAAAAAAAAAAA' }, /client_/],
    [{ username: 'a', email: 'nobody' }, /address is not valid/],
    [{ sub: 'no-name' }, /neither an e-mail address nor a user name/],
    [{ username: 'a', password: 'correct horse' }, /only their hashes/],
    [{ username: 'a', password_hash: `$2b$31$${bcrypt.slice(7)}` }, /too long to check: cost 31/],
    [
      { username: 'a', password_hash: 'pbkdf2_sha256$2147483648$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAA' },
      /2147483648 iterations/,
    ],
    [{ username: 'a', password_hash: 'plain text' }, /unknown format/],
    [{ username: 'a', address: { planet: 'Mars' } }, /unknown member/],
  ]
  for (const [row, reason] of cases) {
    const { out, code, err } = await signetReading(lines(row), 'users', 'import')
    t.match({ out, code, err }, { code: 1, err: '' }, String(reason))
    t.match(out, reason)
    t.match(out, /Imported: 0\. Skipped: 0\. Refused: 1\.\n$/)
  }
  t.equal(await count(), before)
  // Between them, good rows are imported.
  const mixed = await importing(lines(cases[0]?.[0], { username: 'between' }, '', cases[1]?.[0]))
  t.match(mixed, { code: 1, imported: 1, refused: 2, rows: [{ where: 'line 1' }, { where: 'line 4' }] })
})

t.test('a line of ten megabytes, and bytes that are not UTF-8, spoil only their own line', async (t) => {
  const input = Buffer.concat([
    Buffer.from(`\ufeff{"username":"first"}\r\n{"username":"${'x'.repeat(10 * 1024 * 1024)}"}\n{"username":"`),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}\n{"username":"last"}'),
  ])
  const report = await importing(input)
  t.match(report, { imported: 2, refused: 2 })
  t.match(report.rows, [
    { where: 'line 2', reason: /longer than/ },
    { where: 'line 3', reason: /not UTF-8/ },
  ])
})

t.test('a file is read to its end, however the input is divided into pieces', async (t) => {
  const rows = Array.from({ length: 5 }, (_, index) => ({ username: `piece.${index}`, filler: 'x'.repeat(60_000) }))
  t.match(await importing('', fileOf('pieces.jsonl', lines(...rows))), { imported: 5, notes: [{ rows: 5 }] })
  const bytes = [...Buffer.from(lines({ username: 'byte.1', name: 'Ünï' }, { username: 'byte.2' }))]
  const input = Readable.from(bytes.map((byte) => Buffer.from([byte])))
  t.match(await signetReading(input, 'users', 'import'), { code: 0, out: /Imported: 2\./ })
})

t.test('blank lines before the first entry are passed over, however many there are', async (t) => {
  const blank = Buffer.alloc(64 * 1024, '\n')
  const pieces = Array.from({ length: 5 }, () => blank)
  for (const count of [2, 5]) {
    const input = Readable.from([...pieces.slice(0, count), Buffer.from('"nobody"')])
    const report = (await signetReading(input, 'users', 'import')).out
    t.match(report, new RegExp(`line ${count * 65_536 + 1}: refused: It cannot be read`))
  }
})

t.test('an import gives nobody a right, and says what it ignores', async (t) => {
  const row = { sub: 'eve', username: 'eve', roles: ['admin'], groups: ['admins'], first_party: true, admin: true }
  const report = await importing(lines(row))
  t.match(report, { code: 0, imported: 1 })
  t.same(
    report.notes.map(({ note }) => note),
    ['roles', 'groups', 'first_party', 'admin'].map((name) => `${name} is not taken over.`),
  )
  const printed = await signetReading(lines({ username: 'x', '\u001b[2J': 1 }), 'users', 'import')
  t.notMatch(printed.out, '\u001b')
})

t.test('everything about a person is kept: sub, names, verified address, claims, and being disabled', async (t) => {
  const row = {
    ...{ sub: 'auth|1', username: 'ada', email: 'ada@bücher.example', email_verified: true, name: 'Ada', locale: 'en' },
    ...{ address: { country: 'GB' }, password_hash: bcrypt, disabled: true },
  }
  t.match(await importing(lines(row)), { code: 0, imported: 1, notes: [] })
  const { password_hash: _, ...shown } = row
  t.match(await json('users', 'show', 'auth|1'), { ...shown, email: 'ada@xn--bcher-kva.example' })
  const events = await json<unknown[]>('events', 'list', '--user', 'auth|1')
  t.match(events, [{ type: 'account_created', detail: { import: 'json', password: '$2b$05', by: String } }])
  t.notMatch(JSON.stringify(events), bcrypt.slice(10))
})

t.test('an import that is run again skips what is here, and changes nothing of it', async (t) => {
  const rows = [
    { sub: 'again-1', username: 'again.1' },
    { username: 'again.2', email: 'again@people.example' },
    { email: 'again@people.example' },
  ]
  t.match(await importing(lines(...rows)), { code: 0, imported: 3 })
  await json('users', 'update', 'again-1', '--name', 'Changed', '--username', 'renamed')
  const before = await count()
  t.match(await importing(lines(...rows)), { code: 0, imported: 0, skipped: 3, refused: 0 })
  t.equal(await count(), before)
  t.match(await json('users', 'show', 'again-1'), { name: 'Changed', username: 'renamed' })
})

t.test('a deleted person does not come back', async (t) => {
  await importing(lines({ sub: 'gone', username: 'gone' }))
  await json('users', 'delete', 'gone')
  t.match(await refusalOf({ sub: 'gone', username: 'gone' }), /never used again/)
})

t.test('of two rows that claim a name, the first one gets it', async (t) => {
  const report = await importing(
    lines(
      { sub: 'c1', username: 'claimed', email: 'claimed@people.example', email_verified: true },
      { sub: 'c2', username: 'CLAIMED' },
      { sub: 'c3', email: 'Claimed@PEOPLE.example', email_verified: true },
      { sub: 'c4', email: 'claimed@people.example' },
    ),
  )
  t.match(report, { imported: 2, refused: 2 })
  t.match(report.rows, [
    { where: 'line 2', reason: /has the user name/ },
    { where: 'line 3', reason: /already the verified/ },
  ])
})

t.test('a dry run finds the same and changes nothing', async (t) => {
  const before = await count()
  const input = lines(
    { sub: 'd1', username: 'dry', password_hash: bcrypt },
    { sub: 'd2', username: 'Dry' },
    { sub: 'd1', username: 'dry.3' },
    { sub: 'c9', username: 'claimed' },
  )
  t.match(await importing(input, '--dry-run'), { code: 1, imported: 1, refused: 3, dry_run: true })
  t.equal(await count(), before)
  t.same((await database.query({ text: `SELECT FROM imported_passwords WHERE kind = '$2b$06'` })).rowCount, 0)
  const { out } = await signetReading(lines({ sub: 'd1', username: 'dry' }), 'users', 'import', '--dry-run')
  t.match(out, /Would be imported: 1\..*\nThis was a dry run: nothing was changed\.\n$/)
})

t.test('a sub is never the client_id of a client, and the other way round', async (t) => {
  const uri = 'https://app.example/cb'
  t.match(await signetReading(lines({ client_id: 'shared', redirect_uris: [uri] }), 'clients', 'import'), { code: 0 })
  t.match(await refusalOf({ sub: 'shared', username: 'shared' }), /client_id of a client/)
  await importing(lines({ sub: 'person-7', username: 'person.7' }))
  const { out } = await signetReading(lines({ client_id: 'person-7', redirect_uris: [uri] }), 'clients', 'import')
  t.match(out, /sub of an account/)
})

t.test('an imported sub that is another person’s name names nobody, unless it is marked as a sub', async (t) => {
  await importing(lines({ sub: 'carol', username: 'carol.old' }, { sub: 'x-2', username: 'carol' }))
  t.match(await signet('users', 'show', 'carol'), {
    code: 1,
    err: /the sub or the name of 2 users.*sub=carol, sub=x-2/,
  })
  t.match(await json('users', 'show', 'sub=carol'), { username: 'carol.old' })
  t.match(await json('users', 'show', 'x-2'), { username: 'carol' })
})

t.test('Keycloak: users of a realm with their passwords, without their rights', async (t) => {
  const users = [
    ...Object.entries(keycloakCredentials).map(([kind, credential], index) => ({
      ...{ id: `3f1c7b0e-0000-4000-8000-00000000000${index}`, username: `kc.${kind}`, enabled: true, totp: false },
      ...{ email: `${kind}@kc.example`, emailVerified: true, firstName: 'Kay', lastName: kind, createdTimestamp: 1 },
      ...{ attributes: { locale: ['de'], phoneNumber: ['079 123'], shoe: ['42'] }, credentials: [credential] },
      ...{ realmRoles: ['admin'], groups: ['/admins'], requiredActions: ['UPDATE_PASSWORD'], notBefore: 0 },
    })),
    { id: 'kc-mail', username: 'mail@kc.example', enabled: false, credentials: [] },
    { id: 'kc-sa', username: 'service-account-app', serviceAccountClientId: 'app' },
    {
      id: 'kc-odd',
      username: 'kc.odd',
      credentials: [{ type: 'password', secretData: '{}', credentialData: '{"algorithm":"md5"}' }],
    },
    { id: 'kc-big', username: 'kc.big', credentials: [bigCredential()] },
    { id: 'kc-plain', username: 'kc.plain', credentials: [{ type: 'password', value: 'visible', temporary: false }] },
    { id: 'kc-otp', username: 'kc.otp', credentials: [{ type: 'otp', secretData: '{}', credentialData: '{}' }] },
  ]
  const file = fileOf(
    'realm.json',
    JSON.stringify({ realm: 'shop', users, roles: { realm: [{ name: 'admin' }] } }, null, 2),
  )
  const report = await importing('', '--from', 'keycloak', file)
  t.match(report, { code: 1, imported: 7, skipped: 1, refused: 2 })
  t.match(
    report.rows.map(({ id, reason }) => [id, reason]),
    [
      ['service-account-app', /service account/],
      ['kc.odd', /hashed by md5/],
      ['kc.big', /2147483648 iterations/],
    ],
  )
  const notes = report.notes.map(({ note, rows }) => `${rows} ${note}`)
  for (const note of [
    ...['4 realmRoles is not taken over.', '4 groups is not taken over.', '4 requiredActions is not taken over.'],
    ...['4 phone_number is left out where it is not valid.', '4 An attribute that is no claim is not taken over.'],
    ...['1 A password that is not hashed is not taken over.', '1 A credential of the type otp is not taken over.'],
    '1 A user name with an @ became the unverified address.',
  ])
    t.ok(notes.includes(note), note)
  t.match(await json('users', 'show', 'pbkdf2-sha512@kc.example'), {
    ...{ sub: '3f1c7b0e-0000-4000-8000-000000000001', username: 'kc.pbkdf2-sha512', email_verified: true },
    ...{ name: 'Kay pbkdf2-sha512', given_name: 'Kay', locale: 'de', disabled: false },
  })
  t.match(await json('users', 'show', 'kc-mail'), { email: 'mail@kc.example', email_verified: false, disabled: true })
  t.match(await importing('', '--from', 'keycloak', file), { imported: 0, skipped: 8, refused: 2 }, 'again')
})

function bigCredential() {
  const secretData = JSON.stringify({ value: 'A'.repeat(43), salt: 'AAAAAAAAAAA' })
  return { type: 'password', secretData, credentialData: '{"hashIterations":2147483648,"algorithm":"pbkdf2-sha256"}' }
}

t.test('Auth0: users, and their password hashes from the other export', async (t) => {
  const users = fileOf(
    'users.ndjson',
    lines(
      {
        user_id: 'auth0|60425dc43519d90068f82973',
        email: 'ann@a0.example',
        email_verified: true,
        name: 'Ann',
        blocked: false,
      },
      { user_id: 'google-oauth2|1', email: 'bob@a0.example', app_metadata: { roles: ['admin'] }, identities: [] },
      { user_id: 'auth0|blocked', email: 'cyd@a0.example', blocked: true, picture: 'javascript:alert(1)' },
    ),
  )
  const hashes = fileOf('hashes.ndjson', lines({ _id: { $oid: '60425dc43519d90068f82973' }, passwordHash: bcrypt }))
  const report = await importing('', '--from', 'auth0', '--password-hashes', hashes, users)
  t.match(report, { code: 0, imported: 3 })
  t.same(
    report.notes.map(({ note }) => note),
    [
      'app_metadata is not taken over.',
      'The sign-in by google-oauth2 is not taken over.',
      'picture is left out where it is not valid.',
    ],
  )
  const { rows } = await database.query<{ sub: string }>({
    text: `SELECT sub FROM account_credentials WHERE secret = $1 AND imported AND sub LIKE 'auth0|%'`,
    values: [bcrypt],
  })
  t.same(rows, [{ sub: 'auth0|60425dc43519d90068f82973' }])
  t.match(await json('users', 'show', 'cyd@a0.example'), { disabled: true })
  t.match(await importing('[{"user_id":"auth0|array","email":"d@a0.example"}]', '--from', 'auth0'), { imported: 1 })
  t.match(await importing('', '--from', 'auth0', '--password-hashes', users, users), {
    code: 2,
    err: /line 1: this is not/,
  })
  t.match(await signet('users', 'import', '--password-hashes', hashes), { code: 2, err: /belongs to --from auth0/ })
})

t.test('input that cannot be read fails at once and says so', async (t) => {
  t.match(await signet('users', 'import', join(folder, 'missing.jsonl')), { code: 1, err: /cannot be read \(ENOENT\)/ })
  t.match(await signetReading('{', 'users', 'import', '--from', 'keycloak'), { code: 1, err: /not a JSON document/ })
  t.match(await signetReading('{"a":1}', 'users', 'import', '--from', 'keycloak'), {
    code: 1,
    err: /not an export of the system/,
  })
  t.match(await signet('users', 'import', '--from', 'ldap'), { code: 2, err: /keycloak or auth0/ })
  const terminal = Object.assign(Readable.from([]), { isTTY: true })
  t.match(await signetReading(terminal, 'users', 'import'), { code: 2, err: /from a file or a pipe/ })
  t.match(await signetReading('', 'users', 'import'), { code: 0, out: /Imported: 0/ }, 'nothing is no fault')
})

t.test('an interrupted import says how to continue', async (t) => {
  const stop = new AbortController()
  async function* endless() {
    for (let index = 0; ; index++) {
      if (index === 3) stop.abort()
      yield Buffer.from(`${JSON.stringify({ sub: `i-${index}`, username: `i.${index}` })}\n`)
    }
  }
  const more = { environment, folder, input: Readable.from(endless()), stopSignal: stop.signal }
  const { code, err } = await answer(['users', 'import'], more)
  t.equal(code, 1)
  t.match(err, /Interrupted\. Run the command again/)
})
