import t from 'tap'
import { openConsole } from './console.ts'

const issuer = 'https://id.example.com'
const { signet, json, database } = await openConsole(t, { SIGNET_ISSUER: issuer })

interface Printed {
  readonly email: string
  readonly link: string
  readonly status: string
  readonly invitation: string
  readonly expires_at: string
}
const emails = async (...flags: string[]) => {
  const { code, out, err } = await signet('users', 'invitations', '--json', ...flags)
  t.equal(code, 0, err)
  return (JSON.parse(out) as Printed[]).map(({ email }) => email)
}
const rows = async (text: string) => (await database.query({ text })).rows

t.test('wrong usage stores nothing', async (t) => {
  const wrong: [args: string[], message: RegExp][] = [
    [['nobody'], /must be an e-mail address/],
    [['ada@example.com\r\nBcc: eve@example.com'], /must be an e-mail address/],
    [[''], /must not be empty/],
    [['ada@example.com', '--name', 'Ada\nBcc: eve@example.com'], /The name .* is not valid/],
    [['ada@example.com', '--name', ''], /must not be empty/],
    [['ada@example.com', '--name', 'Ada', '--name', 'Eve'], /only once/],
    [['ada@example.com', '--group', ''], /must not be empty/],
    [['ada@example.com', '--locale', 'tlh'], /Allowed choices are en, de/],
    ...['0d', '91d', '1h', '36h', '7', '7 days', '-1d', '1.5d', ''].map((duration): [string[], RegExp] => [
      ['ada@example.com', '--valid-for', duration],
      /whole days, from 1d to 90d/,
    ]),
  ]
  for (const [args, message] of wrong)
    t.match(await signet('users', 'invite', ...args), { code: 2, out: '', err: message }, args.join(' '))
  t.match(await signet('users', 'invite', 'ada@example.com', '--group', 'nobody'), { code: 1, err: /no group nobody/ })
  t.match(await signet('users', 'invite'), { code: 2 })
  t.same(await rows(`SELECT FROM invitations UNION ALL SELECT FROM events WHERE type LIKE 'invitation%'`), [])
})

t.test('an installation that sends no mail prints the link, and needs no keys for it', async (t) => {
  const { out, code } = await signet('users', 'invite', 'Ada@EXAMPLE.com', '--name', 'Ada', '--valid-for', '24h')
  t.equal(code, 0)
  t.match(out, /^email +Ada@example\.com$/m)
  t.match(out, /^status +open$/m)
  t.match(out, new RegExp(`^link +${issuer}/sign-up\\?invitation=[\\w-]{43}$`, 'm'))
  t.match(out, 'Give the link to this person only.')
  const [row] = await rows(`SELECT extract(epoch FROM expires_at - created_at)::integer AS seconds FROM invitations`)
  t.ok(Math.abs((row?.['seconds'] as number) - 86_400) <= 1)
})

t.test('inviting an address again replaces its invitation, however the address is written', async (t) => {
  const [first, second] = [
    await json<Printed>('users', 'invite', 'ben@example.com', '--print-link'),
    await json<Printed>('users', 'invite', 'BEN@Example.COM', '--name', 'Ben', '--valid-for', '90d'),
  ]
  t.not(first.link, second.link)
  t.not(first.invitation, second.invitation)
  t.same(await emails(), ['Ada@example.com', 'BEN@example.com'])
  const listed = await signet('users', 'invitations', '--json')
  t.notMatch(listed.out, second.link.slice(-43), 'a link is shown only once')
})

t.test('the list is paged by address, and shows what became of each invitation', async (t) => {
  for (const name of ['c', 'd', 'e', 'f']) await json('users', 'invite', `${name}@example.com`)
  await rows(`UPDATE invitations SET expires_at = now() WHERE email = 'c@example.com'`)
  await rows(`UPDATE invitations SET accepted_at = now(), sub = 'somebody' WHERE email = 'd@example.com'`)
  const all = ['Ada@example.com', 'BEN@example.com', ...['c', 'd', 'e', 'f'].map((name) => `${name}@example.com`)]
  t.same(await emails('--all'), all)
  const { out, err } = await signet('users', 'invitations', '--limit', '2')
  t.match({ out, err }, { out: /There are more: --after BEN@example\.com shows the next page/, err: '' })
  t.same(await emails('--after', 'ben@EXAMPLE.com', '--limit', '2'), ['c@example.com', 'd@example.com'])
  t.same(await emails('--after', 'bz@example.com'), all.slice(2), 'the address need not be in the list')
  t.match(await signet('users', 'invitations', '--after', 'z@example.com'), { out: /There is nothing after z@example/ })
  const listed = await json<Printed[]>('users', 'invitations')
  t.same(
    listed.map(({ status }) => status),
    ['open', 'open', 'expired', 'accepted', 'open', 'open'],
  )
  t.match(listed[3], { sub: 'somebody' })
})

t.test('only an open invitation can be cancelled', async (t) => {
  t.match(await json('users', 'uninvite', 'E@example.com'), { email: 'e@example.com', cancelled: true })
  for (const email of ['e@example.com', 'c@example.com', 'd@example.com', 'nobody@example.com', 'no address'])
    t.match(await signet('users', 'uninvite', email), { code: 1, err: /has no open invitation/ }, email)
  t.match(await emails(), ['Ada@example.com', 'BEN@example.com', 'c@example.com', 'd@example.com', 'f@example.com'])
})

t.test('an address that a user has verified is not invited; an unverified one is', async (t) => {
  await json('users', 'create', '--email', 'verified@example.com', '--email-verified')
  const { sub } = await json<{ sub: string }>('users', 'create', '--email', 'unverified@example.com')
  t.match(await signet('users', 'invite', 'VERIFIED@example.com'), { code: 1, err: /has verified the address/ })
  const { code, out } = await signet('users', 'invite', 'UNVERIFIED@example.com')
  t.match({ code, out }, { code: 0, out: new RegExp(`The user ${sub} has this address, but has not verified it\\.`) })
  t.notOk((await emails()).includes('verified@example.com'))
})

t.test('a person is invited to a hundred groups at most', async (t) => {
  const groups = Array.from({ length: 101 }, (_, one) => ['--group', `g${one}`])
  await rows(`INSERT INTO groups (name) SELECT 'g' || n FROM generate_series(0, 100) AS n`)
  t.match(await signet('users', 'invite', 'many@example.com', ...groups.flat()), { code: 2, err: /100 groups/ })
  t.match(await signet('users', 'invite', 'many@example.com', ...groups.slice(1).flat()), { code: 0 })
  const twice = await json<{ groups: string[] }>(
    'users',
    'invite',
    'many@example.com',
    '--group',
    'g1',
    '--group',
    'g1',
  )
  t.same(twice.groups, ['g1'])
})

t.test('each change leaves an event, which does not contain the address', async (t) => {
  const events = await rows(`SELECT type, detail FROM events WHERE type LIKE 'invitation%' ORDER BY id`)
  t.match(events[0], {
    type: 'invitation_created',
    detail: { by: /@/, link: 'printed', days: 1, invitation: /^[\w-]{16}$/ },
  })
  t.equal(events.filter(({ type }) => type === 'invitation_cancelled').length, 1)
  t.notMatch(JSON.stringify(events), 'example.com')
})

t.test('an address outside of the domains of sign-up can be invited, and the command says so', async (t) => {
  const domains = await openConsole(t, {
    SIGNET_ISSUER: 'http://localhost:4321',
    SIGNET_EMAIL_VERIFICATION: 'required',
    SIGNET_SIGN_UP_DOMAINS: 'example.com',
  })
  const invite = (email: string) => domains.signet('users', 'invite', email, '--print-link')
  t.match(await invite('guest@example.org'), { code: 0, out: /not in SIGNET_SIGN_UP_DOMAINS/ })
  t.notMatch((await invite('ada@example.com')).out, 'SIGNET_SIGN_UP_DOMAINS')
})
