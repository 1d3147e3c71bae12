import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { accountsWith, commandsOn, eventsOf, invited } from '../support/invitations.ts'
import { newestMailTo } from '../support/mails.ts'

const password = 'quiet lamps over harbours'
const idp = await startSignet(t, { SIGNET_SIGN_UP: 'invite', SIGNET_TERMS_URL: 'https://example.com/terms' })
const signet = commandsOn(idp)
const { database } = idp.signet
for (const group of ['staff', 'pilots', 'temporary']) await signet('groups', 'create', group)

t.test('a person accepts an invitation that came by mail, and has an account with a verified address', async (t) => {
  const email = 'ada@example.com'
  const { code, out } = await signet(
    ...['users', 'invite', email, '--name', 'Ada Lovelace', '--group', 'staff', '--group', 'pilots', '--locale', 'de'],
  )
  t.match({ code, out }, { code: 0, out: /A running server writes the e-mail to a file/ })
  t.notMatch(out, 'invitation=', 'the link is not printed')
  const mail = await newestMailTo(idp, email)
  t.match(mail, { subject: 'Ihre Einladung zu Signet', text: 'Ada Lovelace' }, 'in the language of the invitation')
  t.match(mail.link, new RegExp(`^${idp.issuer}/sign-up\\?invitation=[\\w-]{43}$`))

  const browser = idp.browser()
  const page = await browser.get(mail.link ?? '')
  t.match(page, { status: 200, text: /id="email"[^>]* readonly[^>]* value="ada@example\.com"/ })
  t.match(page.text, /id="name"[^>]* value="Ada Lovelace"/)
  t.match(page.text, 'href="https://example.com/terms"', 'the terms of use are named above the button')
  t.equal(page.headers.get('cache-control'), 'no-store')
  t.same(await accountsWith(idp, email), [], 'opening the link creates nothing')

  const done = await browser.submit(page, 'sign-up', { name: 'Ada King', password })
  t.match(done, { status: 303, location: `${idp.issuer}/account` })
  const account = await browser.follow(done)
  t.match(account, { status: 200, text: 'Ada King' })
  t.match((await browser.get('/account/sign-in')).text, 'This address is verified.')
  const [created, ...others] = await accountsWith(idp, email)
  t.same(others, [])
  t.match(created, { name: 'Ada King', verified: true, signed_up: true, groups: ['pilots', 'staff'] })

  const again = await idp.browser().post('/sign-in', { username: email, password })
  t.equal(again.status, 303, 'the address and the password sign in')
  const invitation = (await eventsOf(idp, 'invitation_created'))[0]?.detail['invitation']
  t.match(await eventsOf(idp, 'invitation_created', 'account_created', 'invitation_accepted', 'group_member_added'), [
    {
      type: 'invitation_created',
      sub: null,
      detail: { invitation, link: 'mailed', days: 7, groups: ['pilots', 'staff'] },
    },
    { type: 'account_created', sub: created?.sub, detail: { invitation, email_verified: true } },
    { type: 'invitation_accepted', sub: created?.sub, detail: { invitation } },
    { type: 'group_member_added', sub: created?.sub, detail: { invitation, group: 'pilots' } },
    { type: 'group_member_added', sub: created?.sub, detail: { invitation, group: 'staff' } },
  ])
  const { rows } = await database.query({ text: 'SELECT detail::text FROM events' })
  t.notMatch(rows, [{ detail: /example\.com/ }], 'no event contains the address')
})

t.test('a group that was deleted is left out, even if another one has its name now', async (t) => {
  const [first, second] = [
    await invited(idp, 'gone@example.com', '--group', 'staff', '--group', 'temporary'),
    await invited(idp, 'renewed@example.com', '--group', 'staff', '--group', 'temporary'),
  ]
  const accept = async (link: string) => {
    const browser = idp.browser()
    t.equal((await browser.submit(await browser.get(link), 'sign-up', { password })).status, 303)
  }
  await signet('groups', 'delete', 'temporary')
  await accept(first)
  await signet('groups', 'create', 'temporary')
  await accept(second)
  t.match(await accountsWith(idp, 'gone@example.com'), [{ groups: ['staff'] }])
  t.match(await accountsWith(idp, 'renewed@example.com'), [{ groups: ['staff'] }])
  const events = (await eventsOf(idp, 'invitation_accepted')).slice(-2)
  t.match(events, [{ detail: { groups_missing: ['temporary'] } }, { detail: { groups_missing: ['temporary'] } }])
})

t.test('faults are shown on the page, and the invitation stays open', async (t) => {
  const link = await invited(idp, 'slow@example.com', '--name', 'Slow Person')
  const browser = idp.browser()
  const page = await browser.get(link)
  for (const [form, message] of [
    [{ password: '' }, 'Please choose a password.'],
    [{ password: 'short' }, 'This password is too short'],
    [{ password: 'slow@example.com' }, 'your name, user name or e-mail address'],
    [{ password, name: 'x'.repeat(201) }, 'This name is too long.'],
    [{ password, name: 'a\u202eb' }, 'contains characters that cannot be displayed'],
  ] as const) {
    const refused = await browser.submit(page, 'sign-up', form)
    t.match(refused, { status: 422, text: message })
    t.match(refused.text, 'value="slow@example.com"')
    t.notMatch(refused.text, password, 'a password is never sent back')
  }
  t.same(await accountsWith(idp, 'slow@example.com'), [])
  t.equal((await browser.submit(page, 'sign-up', { name: '', password })).status, 303)
  t.match(await accountsWith(idp, 'slow@example.com'), [{ name: null, verified: true }], 'the name can be removed')
})

t.test('somebody who is signed in sees with whom, and can sign out or go on as the new person', async (t) => {
  const link = await invited(idp, 'partner@example.com')
  const browser = idp.browser()
  await browser.post('/sign-in', { username: 'ada@example.com', password })
  const page = await browser.get(link)
  t.match(page, { status: 200, text: 'This browser is signed in as' })
  t.match(page.text, 'Ada King')
  t.match(page.text, 'href="/logout"')
  const account = await browser.follow(await browser.submit(page, 'sign-up', { password }))
  t.match(account.text, 'partner@example.com')
  t.notMatch(account.text, 'Ada King')
})

t.test('the pages are in the language of the reader', async (t) => {
  const german = { 'accept-language': 'de' }
  const link = await invited(idp, 'deutsch@example.com')
  t.match((await idp.browser().get(link, german)).text, 'Einladung annehmen')
  t.match((await idp.browser().get('/sign-up?invitation=x', german)).text, 'Diese Einladung ist nicht gültig')
  t.match((await idp.browser().get('/sign-up', german)).text, 'Sie brauchen eine Einladung')
})

t.test('an address in Unicode is invited, shown and signed in with as its owner writes it', async (t) => {
  const link = await invited(idp, 'anna@B\u00dcCHER.example')
  const browser = idp.browser()
  const page = await browser.get(link)
  t.match(page.text, 'value="anna@bücher.example"')
  t.equal((await browser.submit(page, 'sign-up', { password })).status, 303)
  for (const username of ['anna@bücher.example', 'ANNA@xn--bcher-kva.example'])
    t.equal((await idp.browser().post('/sign-in', { username, password })).status, 303)
})

t.test('with a person, their invitation is deleted', async (t) => {
  const link = await invited(idp, 'leaving@example.com')
  const browser = idp.browser()
  await browser.submit(await browser.get(link), 'sign-up', { password })
  const stored = async () =>
    (await database.query({ text: `SELECT FROM invitations WHERE email = 'leaving@example.com'` })).rowCount
  t.equal(await stored(), 1)
  t.match(await signet('users', 'delete', 'leaving@example.com'), { code: 0 })
  t.equal(await stored(), 0)
  t.match(await browser.get(link), { status: 410 })
})

t.test('an expired invitation can be replaced', async (t) => {
  const link = await invited(idp, 'late@example.com', '--valid-for', '1d')
  await database.query({ text: `UPDATE invitations SET expires_at = now() WHERE email = 'late@example.com'` })
  t.match(await idp.browser().get(link), { status: 410, text: 'This invitation cannot be used' })
  const renewed = await invited(idp, 'late@example.com')
  t.equal((await idp.browser().get(renewed)).status, 200)
  t.equal((await idp.browser().get(link)).status, 410)
})
