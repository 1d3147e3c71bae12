import { Readable } from 'node:stream'
import t from 'tap'
import { insertAccount } from '../../src/records/accounts/accounts-store.ts'
import { createPasswordHashing } from '../../src/records/accounts/password-hashing.ts'
import type { Sub } from '../../src/records/ids.ts'
import { eventually } from '../support/eventually.ts'
import { startRangeApi } from '../support/range-api.ts'
import { openConsole } from './console.ts'
import { insertGrant } from './insert-grant.ts'

interface UserDocument {
  readonly sub: string
  readonly [claim: string]: unknown
}

const { signet, signetReading, json, database } = await openConsole(t)
const passwords = createPasswordHashing()

const create = ['users', 'create']
const password = 'correct horse battery'

async function passwordHashOf(sub: string): Promise<string | undefined> {
  const { rows } = await database.query<{ secret: string }>({
    text: 'SELECT secret FROM account_credentials WHERE sub = $1',
    values: [sub],
  })
  return rows[0]?.secret
}

t.test('an unacceptable password is a usage error and creates no account', async (t) => {
  const terminal = Object.assign(Readable.from([]), { isTTY: true })
  const cases: [string | Buffer | Readable, RegExp][] = [
    ['', /no password/],
    ['\n', /no password/],
    [closed(), /no password/],
    [terminal, /from a pipe or a file/],
    ['too short\n', /fewer than 15 characters/],
    ['p'.repeat(257), /too long/],
    ['p'.repeat(8192), /longer than 4096/],
    ['1234567890987654321', /first that attackers try/],
    ['aaaaaaaaaaaaaaa', /short pattern/],
    ['signetsignet123', /name or address of this service/],
    ['nobody nobody nobody', /name, user name or e-mail address/],
    [`${password}\nanother line`, /more than one line/],
    [`${password}\n\n`, /more than one line/],
    [`${password}\0`, /more than one line/],
    [Buffer.from([...Buffer.from(password), 0xff, 0xfe]), /not UTF-8/],
  ]
  for (const [input, message] of cases) {
    const { code, out, err } = await signetReading(input, ...create, '--username', 'nobody', '--password-stdin')
    t.same({ code, out }, { code: 2, out: '' }, String(message))
    t.match(err, message)
    t.notMatch(err, password)
  }
  t.same((await database.query({ text: 'SELECT FROM accounts' })).rowCount, 0)
  t.match(await signet('users', 'list'), { code: 0, out: /^There are no users yet/ })
})

t.test('a stolen password is refused, and accepted with a warning if that cannot be found out', async (t) => {
  const api = await startRangeApi(t, password)
  const withApi = await openConsole(t, { SIGNET_BREACHED_PASSWORDS_URL: api.url, SIGNET_LOG_LEVEL: 'info' })
  const flags = ['--username', 'careless', '--password-stdin']
  api.answerWith((_request, reply) => reply.writeHead(500).end())
  const accepted = await withApi.signetReading(password, ...create, ...flags)
  t.equal(accepted.code, 0)
  api.answerWith(undefined)
  // Several times, because a busy machine may not answer within the time limit.
  const refused = await eventually(
    'the password to be refused',
    () => withApi.signetReading(password, 'users', 'set-password', 'careless', '--password-stdin'),
    ({ code }) => code !== 0,
  )
  t.match(refused, { code: 2, out: '', err: /collection of stolen passwords \(SIGNET_BREACHED_PASSWORDS_URL\)/ })
  t.notMatch(refused.err, password)
})

t.test("a person's own names are rejected as the password, for new and existing accounts", async (t) => {
  const flags = [
    '--username',
    'grace.h',
    '--email',
    'hopper@navy.example',
    '--given-name',
    'Grace',
    '--family-name',
    'Hopper',
  ]
  const own = ['grace.h 19061209', 'hopper@navy.example', 'hopperhopperhopper', 'GraceHopper1906', 'hopper-grace-1906']
  for (const input of own) {
    const answer = await signetReading(input, ...create, ...flags, '--password-stdin')
    t.match(answer, { code: 2, out: '', err: /the user's name, user name or e-mail address/ }, input)
  }
  const { sub } = await json<UserDocument>(...create, ...flags)
  for (const input of own) {
    const answer = await signetReading(input, 'users', 'set-password', sub, '--password-stdin')
    t.match(answer, { code: 2, out: '', err: /the user's name, user name or e-mail address/ }, input)
  }
  t.equal(await passwordHashOf(sub), undefined)
  const phrase = 'grace hopper found a moth'
  t.equal((await signetReading(phrase, 'users', 'set-password', sub, '--password-stdin')).code, 0)
  t.equal((await signet('users', 'delete', sub)).code, 0)
})

t.test('one line feed at the end of standard input is not part of the password', async (t) => {
  const ends = { none: '', lf: '\n', crlf: '\r\n' }
  for (const [username, end] of Object.entries(ends)) {
    const { code } = await signetReading(`${password}${end}`, ...create, '--username', username, '--password-stdin')
    t.equal(code, 0)
    const { sub } = await json<UserDocument>('users', 'show', username)
    t.ok(await passwords.verify(password, await passwordHashOf(sub), { network: undefined }), username)
  }
})

t.test('a user name belongs to one person, an unverified address to anyone, a verified one to its owner', async (t) => {
  await json(...create, '--username', 'Taken')
  t.match(await signet(...create, '--username', 'tAKEN'), { code: 1, out: '', err: /user name tAKEN is taken/ })
  await json(...create, '--email', 'shared@example.com', '--email-verified')
  await json(...create, '--email', 'Shared@example.com')
  t.match(await signet(...create, '--email', 'SHARED@example.com', '--email-verified'), {
    code: 1,
    out: '',
    err: /verified address of another user/,
  })
})

t.test('an address that nobody has verified may match several people, and then none is chosen', async (t) => {
  const one = await json<UserDocument>(...create, '--email', 'both@example.com')
  const two = await json<UserDocument>(...create, '--email', 'both@example.com')
  for (const command of ['show', 'disable', 'enable', 'delete']) {
    const { code, out, err } = await signet('users', command, 'BOTH@example.com')
    t.same({ code, out }, { code: 1, out: '' }, command)
    t.match(err, one.sub)
    t.match(err, two.sub)
  }
  t.match(await signetReading(password, 'users', 'set-password', 'both@example.com'), { code: 1, out: '' })
  t.match(await signet('grants', 'list', '--user', 'both@example.com'), { code: 1, out: '' })
  t.match(await json('users', 'show', one.sub), one)
  await database.query({
    text: `WITH made AS (INSERT INTO accounts (sub) SELECT 'crowd-' || i FROM generate_series(1, 30) AS i RETURNING sub)
           INSERT INTO account_emails (sub, email) SELECT sub, 'both@example.com' FROM made`,
  })
  const crowded = await signet('users', 'show', 'both@example.com')
  t.match(crowded, { code: 1, out: '', err: /is the address of more than 20 users.*, \.\.\.\n$/s })
  t.ok(crowded.err.includes(one.sub) && crowded.err.length < 1_000, 'those who entered it first are listed')
  const owner = await json<UserDocument>(...create, '--email', 'both@example.com', '--email-verified')
  t.match(await json('users', 'show', 'both@example.com'), { sub: owner.sub }, 'whoever verified it is meant')
})

t.test(
  "a user can be named by a sub that begins with a hyphen, and never by a sub that is another's user name",
  async (t) => {
    const sub = '-h3cdefghijklmnopqrstu' as Sub
    await insertAccount(database, { sub, profile: { username: 'hyphen' }, email: undefined, passwordHash: undefined })
    t.match(await json('users', 'show', sub), { sub })
    t.same(await json('grants', 'list', '--user', sub), [])
    // Somebody took another user's sub as a user name while that was still possible.
    t.match(await signet(...create, `--username=${sub}`), { code: 2, err: /form of an ID/ })
    const profile = { username: sub }
    await insertAccount(database, { sub: 'mallory' as Sub, profile, email: undefined, passwordHash: undefined })
    t.match(await json('users', 'show', sub), { username: 'hyphen' })
  },
)

t.test('a user is found by every spelling of their names, and not by look-alikes', async (t) => {
  const { sub, ...names } = await json<UserDocument>(
    ...create,
    ...['--username', 'ÉMILE', '--email', 'emile@MÜNCHEN.example', '--email-verified'],
  )
  t.match(names, { username: 'émile', email: 'emile@xn--mnchen-3ya.example' })
  for (const user of ['émile', 'E\u0301mile', 'ÉMILE', 'emile@münchen.example', 'EMILE@XN--MNCHEN-3YA.example'])
    t.match(await json('users', 'show', user), { sub }, user)
  for (const user of ['emile', 'еmile', 'emile@munchen.example', 'emile@m\u200bünchen.example'])
    t.match(await signet('users', 'show', user), { code: 1, err: /There is no user/ }, user)
  for (const [flag, value, message] of [
    ['--username', 'Émile', /is taken/],
    ['--username', 'аda', /one writing system/],
    ['--username', 'a\u200bb', /must be 1 to 64 letters/],
    ['--username', '123e4567-e89b-12d3-a456-426614174000', /form of an ID/],
    ['--email', 'a\u202e@example.com', /must be an e-mail address/],
    ['--email', 'a@1.2.3.4', /must be an e-mail address/],
  ] as const)
    t.match(await signet(...create, flag, value), { code: value === 'Émile' ? 1 : 2, out: '', err: message }, value)
})

t.test('an address that is not converted yet stays verified in every spelling', async (t) => {
  const sub = 'unconverted' as Sub
  const email = 'old@münchen.example'
  await insertAccount(database, { sub, profile: {}, email, passwordHash: undefined })
  await json('users', 'update', email, '--email-verified')
  for (const spelling of ['old@xn--mnchen-3ya.example', 'OLD@MÜNCHEN.example'])
    t.match(await json('users', 'update', sub, '--email', spelling), { email, email_verified: true }, spelling)
  t.match(await json('users', 'update', sub, '--email', 'old@munchen.example'), { email_verified: false })
  t.match(await signet('users', 'update', sub, '--username', 'аda'), { code: 2, err: /one writing system/ })
})

t.test('commands on users that do not exist fail', async (t) => {
  const users = ['__proto__', "' OR 1=1 --", '%', 'x'.repeat(8192)]
  const commands = ['disable', 'enable', 'delete'].map((command) => [command, 'noone'])
  for (const [command = '', user = ''] of [...commands, ...users.map((user) => ['show', user])]) {
    const { code, out, err } = await signet('users', command, user)
    t.same({ code, out }, { code: 1, out: '' }, `${command} ${user.slice(0, 30)}`)
    t.match(err, /^signet: There is no user .{1,130}\n$/)
  }
  t.match(await signetReading(password, 'users', 'set-password', 'nobody'), { code: 1, err: /There is no user/ })
})

t.test('each flag sets the claim of the same name', async (t) => {
  const address = { street_address: '1 Way\nAnnex', locality: 'Town', country: 'Land' }
  const claims = {
    username: 'full',
    name: "__proto__ O'Constructor; DROP TABLE accounts",
    given_name: '<b>Given</b>',
    family_name: '家族',
    middle_name: 'M.',
    nickname: 'Nick',
    profile: 'https://people.example/full',
    picture: 'https://people.example/full.png',
    website: 'http://full.example',
    gender: 'x',
    birthdate: '0000-02-29',
    zoneinfo: 'Europe/Paris',
    locale: 'de-CH',
    phone_number: '+41441234567',
  }
  const flags = Object.entries(claims).flatMap(([claim, value]) => [`--${claim.replaceAll('_', '-')}`, value])
  const { sub, created_at, updated_at, ...rest } = await json<UserDocument>(
    ...[...create, ...flags, '--email', 'full@example.com', '--email-verified', '--address', JSON.stringify(address)],
  )
  t.same(rest, {
    ...claims,
    address,
    email: 'full@example.com',
    email_verified: true,
    phone_number_verified: false,
    disabled: false,
  })
  t.match(sub, /^[A-Za-z0-9_-]{22}$/)
  t.ok(Number.isFinite(Date.parse(String(created_at))) && created_at === updated_at)
  t.same(await json('users', 'show', 'full'), { sub, ...rest, created_at, updated_at })
  t.same(await json('users', 'show', 'FULL@example.com'), { sub, ...rest, created_at, updated_at })
  const { rows } = await database.query({
    text: 'SELECT type, request_id, detail FROM events WHERE sub = $1',
    values: [sub],
  })
  t.match(rows, [{ type: 'account_created', request_id: null, detail: { by: String, email_verified: true } }])
})

/** The claims that each update of a user named, in order. */
async function updatesOf(sub: string): Promise<unknown[]> {
  const { rows } = await database.query<{ detail: { by: string; claims: string[] } }>({
    text: `SELECT detail FROM events WHERE sub = $1 AND type = 'account_updated' ORDER BY id`,
    values: [sub],
  })
  t.ok(rows.every(({ detail: { by } }) => by.includes('@')))
  return rows.map(({ detail: { claims } }) => claims)
}

t.test("an update can neither take another user's names nor remove the last sign-in name", async (t) => {
  const { sub } = await json<UserDocument>(...create, '--username', 'modest', '--name', 'A person')
  await json(...create, '--username', 'Owned', '--email', 'owned@example.com', '--email-verified')
  const update = ['users', 'update', sub]
  const refused: [string[], RegExp][] = [
    [['--username', 'oWNED', '--name', 'x'], /The user name oWNED is taken/],
    [
      ['--email', 'OWNED@example.com', '--email-verified'],
      /OWNED@example.com is already the verified address of another user/,
    ],
    [['--username', ''], /nothing left to sign in with/],
    [['--email', 'owned@example.com', '--email-verified'], /verified address of another user/],
  ]
  for (const [flags, message] of refused)
    t.match(await signet(...update, ...flags), { code: 1, out: '', err: message }, flags.join(' '))
  t.match(await json('users', 'show', sub), { username: 'modest', name: 'A person', email_verified: false })
  t.notOk('email' in (await json('users', 'show', sub)))
  t.same(await updatesOf(sub), [], 'all of it was rolled back')
  t.match(await signet('users', 'update', 'nobody', '--name', 'x'), { code: 1, err: /There is no user/ })
  // An address that somebody else has verified can be entered: it proves nothing.
  await json(...update, '--email', 'owned@example.com')
  t.match(await signet(...update, '--email-verified'), { code: 2, err: /Say which address you vouch for/ })
})

t.test('a changed address becomes unverified, and an address can be marked verified and unverified', async (t) => {
  const { sub } = await json<UserDocument>(...create, '--email', 'first@example.com', '--email-verified')
  const update = ['users', 'update', sub]
  t.match(await json(...update, '--email', 'First@Example.com'), { email: 'First@example.com', email_verified: true })
  t.match(await json(...update, '--email', 'second@example.com'), {
    email: 'second@example.com',
    email_verified: false,
  })
  t.match(await json('users', 'update', 'SECOND@example.com', '--email-verified'), { email_verified: true })
  const { updated_at } = await json('users', 'update', 'second@example.com', '--email-verified')
  t.match(await json('users', 'show', sub), { updated_at }, 'repeating it changes nothing')
  t.match(await json(...update, '--no-email-verified'), { email_verified: false })
  t.match(await json(...update, '--email', 'third@example.com', '--email-verified'), { email_verified: true })
  t.match(await json(...update, '--username', 'third', '--email', ''), { username: 'third', email_verified: false })
  t.same(await updatesOf(sub), [
    ['email'],
    ['email', 'email_verified'],
    ['email_verified'],
    ['email_verified'],
    ['email', 'email_verified'],
    ['username', 'email', 'email_verified'],
  ])
})

t.test('an update changes what is given, removes what is given as empty, and keeps the rest', async (t) => {
  const { sub, ...before } = await json<UserDocument>(
    ...[
      ...create,
      '--username',
      'changing',
      '--given-name',
      'Given',
      '--nickname',
      'Nick',
      '--phone-number',
      '+41441234567',
    ],
    ...['--address', JSON.stringify({ locality: 'Town', country: 'Land' })],
  )
  await database.query({ text: 'UPDATE accounts SET phone_number_verified = true WHERE sub = $1', values: [sub] })
  const claims = {
    name: 'A Person',
    family_name: 'Person',
    middle_name: 'M.',
    profile: 'https://people.example/full',
    picture: 'https://people.example/full.png',
    website: 'http://full.example',
    gender: 'x',
    birthdate: '0000-02-29',
    zoneinfo: 'Europe/Paris',
    locale: 'de-CH',
  }
  const flags = Object.entries(claims).flatMap(([claim, value]) => [`--${claim.replaceAll('_', '-')}`, value])
  const { updated_at, ...after } = await json<UserDocument>('users', 'update', 'changing', ...flags, '--nickname', '')
  const { nickname: _, updated_at: earlier, ...kept } = before
  t.same(after, { ...kept, ...claims, sub, phone_number_verified: true })
  t.ok(String(updated_at) > String(earlier))
  const sameAddress = JSON.stringify({ country: 'Land', locality: 'Town' })
  t.match(await json('users', 'update', sub, '--address', sameAddress, '--gender', 'x'), { updated_at })
  const last = await json('users', 'update', sub, '--address', '', '--phone-number', '+41441234568')
  t.match(last, { phone_number: '+41441234568', phone_number_verified: false })
  t.notOk('address' in last)
  t.same((await updatesOf(sub)).length, 2, 'an update without changes records no event')
})

t.test('a line feed in a value cannot fake another line', async (t) => {
  await json(...create, '--username', 'lines', '--address', JSON.stringify({ formatted: '1 Way\ndisabled  yes' }))
  const { out } = await signet('users', 'show', 'lines')
  t.match(out, /^disabled +no$/m)
  t.notMatch(out, /^disabled +yes/m)
})

t.test('disabling a user or setting a password signs them out everywhere; deleting leaves a tombstone', async (t) => {
  const live = async (sub: string) => ({
    sessions: (
      await database.query({ text: 'SELECT FROM sessions WHERE sub = $1 AND ended_at IS NULL', values: [sub] })
    ).rowCount,
    grants: (await json<{ ended_at?: string }[]>('grants', 'list', '--user', sub)).filter(({ ended_at }) => !ended_at)
      .length,
  })
  const person = async (username: string) => {
    const { code } = await signetReading(password, ...create, '--username', username, '--password-stdin')
    t.equal(code, 0)
    const { sub } = await json<UserDocument>('users', 'show', username)
    await insertGrant(database, sub as Sub)
    t.same(await live(sub), { sessions: 1, grants: 1 })
    return sub
  }

  const disabled = await person('disabled')
  t.match(await json('users', 'disable', 'disabled'), { sub: disabled, disabled: true })
  t.same(await live(disabled), { sessions: 0, grants: 0 })
  t.match(await json('users', 'disable', disabled), { disabled: true }, 'repeating it changes nothing')
  t.match(await json('users', 'enable', 'disabled'), { sub: disabled, disabled: false })
  t.same(await live(disabled), { sessions: 0, grants: 0 })

  const reset = await person('reset')
  const answer = await signetReading('another fine password', 'users', 'set-password', 'reset', '--password-stdin')
  t.match(answer, { code: 0, err: '' })
  t.same(await live(reset), { sessions: 0, grants: 0 })
  t.ok(await passwords.verify('another fine password', await passwordHashOf(reset), { network: undefined }))
  t.match(await json('grants', 'list', '--user', reset), [{ end_reason: 'password_set' }])

  const deleted = await person('deleted')
  t.same(await json('users', 'delete', 'deleted'), { sub: deleted, deleted: true })
  t.match(await signet('users', 'show', deleted), { code: 1 })
  t.match(await signet('users', 'delete', deleted), { code: 1 })
  t.equal(await passwordHashOf(deleted), undefined)
  await json(...create, '--username', 'deleted')

  const { rows } = await database.query({
    text: `SELECT type FROM events WHERE sub = ANY ($1) AND type <> 'account_created' ORDER BY id`,
    values: [[disabled, reset, deleted]],
  })
  t.same(
    rows.map(({ type }) => type),
    [
      ...['grant_ended', 'account_disabled', 'account_enabled'],
      ...['grant_ended', 'password_set'],
      ...['grant_ended', 'account_deleted'],
    ],
  )
})

t.test('no command shows a password or its hash', async (t) => {
  await signetReading(password, ...create, '--username', 'secretive', '--password-stdin')
  for (const args of [
    ['users', 'show', 'secretive'],
    ['users', 'list'],
  ])
    for (const format of [[], ['--json']]) {
      const { out } = await signet(...args, ...format)
      t.match(out, 'secretive')
      t.notMatch(out, /argon2|correct horse/)
    }
})

/** Standard input that was closed before the start, as by `<&-`. */
function closed(): Readable {
  const input = Readable.from([])
  input.destroy()
  return input
}
