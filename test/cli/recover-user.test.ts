import t from 'tap'
import { recordIssuer } from '../../src/platform/database/installation-store.ts'
import { openConsole } from './console.ts'

const issuer = 'http://localhost:4321'
const { signet, json, database } = await openConsole(t, { SIGNET_ISSUER: issuer })
await recordIssuer(database, issuer)

interface Recovered {
  readonly sub: string
  readonly link?: string
  readonly email?: string
}

const create = (name: string, ...more: string[]) =>
  json<{ sub: string }>('users', 'create', '--username', name, ...more)
const rows = async (text: string) => (await database.query({ text })).rows
const events = (sub: string) =>
  database
    .query({
      text: `SELECT type, detail - 'by' AS detail, detail ? 'by' AS named FROM events
             WHERE sub = $1 AND type LIKE 'recovery%' ORDER BY id`,
      values: [sub],
    })
    .then((found) => found.rows)

t.test('wrong usage makes no link', async (t) => {
  const { sub } = await create('usage', '--email', 'usage@example.com', '--email-verified')
  for (const [args, message] of [
    [['--print-link'], /--print-link needs --reason/],
    [['--reason', 'because'], /--reason goes with --print-link/],
    [['--print-link', '--reason', ' '], /--reason must not be empty/],
  ] as const)
    t.match(await signet('users', 'recover', sub, ...args), { code: 2, out: '', err: message })
  t.match(await signet('users', 'recover', 'nobody'), { code: 1, out: '', err: /There is no user nobody/ })
  t.same(await rows('SELECT FROM account_recoveries'), [])
})

t.test('without a verified address, nothing is sent, and the command says so', async (t) => {
  for (const args of [[], ['--email', 'unverified@example.com']]) {
    const { sub } = await create(`unverified${args.length}`, ...args)
    const { code, out, err } = await signet('users', 'recover', sub)
    t.same({ code, out }, { code: 1, out: '' })
    t.match(err, /has no verified e-mail address, so nothing was sent/)
    t.match(err, `signet users recover ${sub} --print-link --reason`)
  }
  t.same(await rows('SELECT FROM account_recoveries'), [])
})

t.test('a disabled account must be enabled first', async (t) => {
  const { sub } = await create('disabled', '--email', 'disabled@example.com', '--email-verified')
  await signet('users', 'disable', sub)
  for (const more of [[], ['--print-link', '--reason', 'asked']])
    t.match(await signet('users', 'recover', sub, ...more), { code: 1, out: '', err: /signet users enable/ })
})

t.test('a link is mailed to the verified address, and not printed', async (t) => {
  const { sub } = await create('mailed', '--email', 'mailed@example.com', '--email-verified')
  const { code, out } = await signet('users', 'recover', 'mailed@example.com')
  t.equal(code, 0)
  t.match(out, /sends the link to mailed@example\.com/)
  t.notMatch(out, 'token=')
  t.match(await rows('SELECT email FROM account_recoveries'), [{ email: 'mailed@example.com' }])
  t.same(await events(sub), [{ type: 'recovery_requested', detail: { mail: 'sent' }, named: true }])
})

t.test('a link is printed for the operator to hand over, whatever address the user has', async (t) => {
  for (const [name, ...more] of [['without'], ['verified', '--email', 'verified@example.com', '--email-verified']]) {
    const { sub } = await create(name as string, ...more)
    const printed = await json<Recovered>('users', 'recover', sub, '--print-link', '--reason', 'lost the phone')
    t.match(printed.link, /^http:\/\/localhost:4321\/recover\/password\?token=[\w-]{43}$/)
    t.equal(printed.email, more[1])
    t.same(await events(sub), [{ type: 'recovery_link_printed', detail: { reason: 'lost the phone' }, named: true }])
  }
  // What the link sets depends on SIGNET_PASSWORDS.
  const { out } = await signet('users', 'recover', 'verified', '--print-link', '--reason', 'asked')
  t.match(out, /Whoever has the link can get into the account\./)
})
