import t from 'tap'
import { requestRecovery, sendRecovery } from '../../src/operations/request-recovery.ts'
import type { Queryable, Statement } from '../../src/platform/database/queryable.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import { findRecovery } from '../../src/records/accounts/account-recoveries-store.ts'
import { createSignInLimits } from '../../src/records/limits/sign-in-limits.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { freePort, type Person, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { jobsAreDone, mailsTo } from '../support/mails.ts'
import { askForLink, mailedLink, newPassword, setPassword, verifiedPerson } from '../support/recovery.ts'

const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' })

const query = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows
const eventsOf = ({ sub }: Person, type: string) =>
  query('SELECT detail, network, request_id FROM events WHERE sub = $1 AND type = $2 ORDER BY id', [sub, type])

let networks = 0
/** From a different network each time. */
const elsewhere = () => ({ 'x-forwarded-for': `2001:db8:${(++networks).toString(16)}::1` })

/** Asks for a link from a different network each time: the limits on networks are tested separately. */
const ask = (name: string, browser = idp.browser(), headers: Record<string, string> = elsewhere()) =>
  browser.post('/recover', { username: name }, headers)

/** Whether somebody can sign in with this password. */
async function canSignIn(person: Person, password: string, browser = idp.browser()): Promise<boolean> {
  const visit = await browser.post('/sign-in', { username: person.username, password }, elsewhere())
  return visit.status === 303
}

const isVoid = ({ status, text }: Visit) => status === 410 && text.includes('This link does not work any more')

/** What each kind of name is. Only the first two lead to a mail. */
async function someNames() {
  const [known, disabled, withoutPassword, unverified] = await Promise.all([
    verifiedPerson(idp),
    verifiedPerson(idp),
    verifiedPerson(idp),
    idp.person(),
  ])
  await query('UPDATE accounts SET disabled_at = now() WHERE sub = $1', [disabled.sub])
  await query('DELETE FROM account_credentials WHERE sub = $1', [withoutPassword.sub])
  return {
    'a verified address': known.email,
    'a user name': known.username,
    'an account without a password': withoutPassword.email,
    'an unknown address': 'nobody@example.com',
    'an unknown user name': 'nobody',
    'an unverified address': unverified.email,
    'a user name whose address is unverified': unverified.username,
    'a disabled account': disabled.email,
    'the id of an account': known.sub,
    'a text that cannot be a name': '"><b> @@ \u202e',
    'a very long text': 'x'.repeat(5000),
  }
}

t.test('the answer is the same for every name', async (t) => {
  const names = await someNames()
  const answers = await Promise.all(
    Object.entries(names).map(async ([what, name]) => {
      const { status, headers, text } = await ask(name)
      const shown = text
        .replace(/<bdi class="name">.*?<\/bdi>/, '<bdi>…</bdi>')
        .replace(/\/recover\?name=[\w-]+|\/recover(?=")/, '…')
      const kept = [...headers].filter(([header]) => !['date', 'x-request-id', 'content-length'].includes(header))
      return [what, { status, headers: kept.filter(([header]) => header !== 'set-cookie'), text: shown }] as const
    }),
  )
  const [[, first] = t.fail('no answers') as never] = answers
  t.match(first, { status: 200, text: /Check your e-mail/ })
  for (const [what, answer] of answers) t.same(answer, first, what)
})

t.test('the same statements are sent in the same order for every name, and none contains the name', async (t) => {
  const sent: (readonly [what: string, statements: readonly string[]])[] = []
  for (const [what, name] of Object.entries(await someNames())) {
    const statements: Statement[] = []
    const database: Queryable = {
      query: (statement) => {
        statements.push(statement)
        return idp.signet.database.query(statement)
      },
    }
    const limits = createSignInLimits(database, idp.signet.turns)
    const signet = { ...idp.signet, database: { ...idp.signet.database, query: database.query }, limits }
    const network = elsewhere()['x-forwarded-for']
    const typed = { typed: name, locale: 'en', continuation: undefined }
    await requestRecovery(signet, { requestId: 'request', network }, typed)
    sent.push([what, statements.map((statement) => statement.text)])
    t.notMatch(JSON.stringify(statements.map(({ values }) => values)), name, `${what} is not stored`)
  }
  t.equal(sent[0]?.[1].length, 3, 'two counts and a job')
  for (const [what, statements] of sent) t.same(statements, sent[0]?.[1], what)
})

t.test('a mail goes only to the verified address of the account that the name stands for', async (t) => {
  const person = await verifiedPerson(idp)
  const also = await idp.person({ email: person.email })
  await ask(person.email)
  t.equal((await mailsTo(idp, person.email)).length, 1, 'one mail, although two accounts have the address')
  t.same(await eventsOf(also, 'recovery_requested'), [], 'none for the account that has not verified it')
  await ask(also.username)
  t.equal((await mailsTo(idp, person.email)).length, 1, 'nor by its user name')
  await ask(person.email.toUpperCase())
  await ask(person.username)
  t.equal((await mailsTo(idp, person.email)).length, 3, 'capitals and the user name stand for the same account')

  const shared = 'shared@example.com'
  const several = [await idp.person({ email: shared }), await idp.person({ email: shared })]
  await ask(shared)
  for (const { username, sub } of several) for (const name of [username, sub]) await ask(name)
  t.same(await mailsTo(idp, shared), [], 'an address that nobody has verified')
  const lookAlike = person.email.replace('example.com', 'exаmple.com')
  await ask(lookAlike)
  await ask(`${person.email}\r\nBcc: thief@example.com`)
  await ask(`x+${person.email}`)
  t.equal((await mailsTo(idp, person.email)).length, 3, 'look-alikes, line breaks and tags are other names')
})

t.test(
  'somebody who asks again and again for another person causes five mails an hour, and sees nothing of it',
  async (t) => {
    const person = await verifiedPerson(idp)
    for (let mails = 0; mails < 7; mails++) {
      const name = [person.email, person.username, person.email.toUpperCase()][mails % 3] as string
      t.match(await ask(name), { status: 200, text: /Check your e-mail/ })
    }
    t.equal((await mailsTo(idp, person.email)).length, 5)
    const sent = { detail: { mail: 'sent' } }
    const limited = { detail: { mail: 'limited' } }
    t.match(
      await eventsOf(person, 'recovery_requested'),
      [sent, sent, sent, sent, sent, limited, limited],
      'but the operator does',
    )
    t.ok(await canSignIn(person, person.password), 'the password stays as it is')
  },
)

t.test('one network can ask thirty times in a quarter of an hour, for any names', async (t) => {
  const [one, other] = [elsewhere(), elsewhere()]
  for (let asked = 0; asked < 30; asked++) t.equal((await ask(`name-${asked}`, idp.browser(), one)).status, 200)
  const person = await verifiedPerson(idp)
  for (const name of [person.email, 'nobody@example.com']) {
    const { status, headers, text } = await ask(name, idp.browser(), one)
    t.equal(status, 429)
    t.ok(Number(headers.get('retry-after')) > 0)
    t.match(text, /Too many attempts/)
  }
  t.same(await mailsTo(idp, person.email), [])
  t.equal((await ask(person.email, idp.browser(), other)).status, 200, 'others are not affected')
  t.equal((await mailsTo(idp, person.email)).length, 1)
})

t.test('one network causes at most ten jobs for one name, and sees nothing of it', async (t) => {
  const network = elsewhere()
  const nobody = 'somebody.else@example.com'
  const added = t.capture(idp.signet.database, 'query', idp.signet.database.query)
  for (let asked = 0; asked < 12; asked++) t.equal((await ask(nobody, idp.browser(), network)).status, 200)
  await jobsAreDone(idp)
  added.restore()
  const jobs = added.args().filter(([statement]) => (statement as unknown as Statement).name === 'queue-job')
  t.equal(jobs.length, 10)
})

t.test('a job that runs twice sends one more mail, and each link works once', async (t) => {
  const person = await verifiedPerson(idp)
  const payload = await payloadOf(person)
  await sendRecovery(idp.signet, payload)
  await sendRecovery(idp.signet, payload)
  const links = (await mailsTo(idp, person.email)).map(({ link }) => link?.slice(idp.issuer.length) ?? '')
  t.equal(new Set(links).size, 2)
  t.equal((await setPassword(idp.browser(), links[0] ?? '')).status, 303)
  t.ok(isVoid(await idp.browser().get(links[1] ?? '')), 'the other one is void then')
})

t.test('a job that has waited for too long sends nothing, nor does one that nobody can open', async (t) => {
  const person = await verifiedPerson(idp)
  const later = { now: () => idp.signet.clock.now() + 31 * 60 * 1000 }
  await sendRecovery({ ...idp.signet, clock: { ...idp.signet.clock, ...later } }, await payloadOf(person))
  await sendRecovery(idp.signet, { sealed: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' })
  t.same(await mailsTo(idp, person.email), [])
})

/** The payload of the job that a request for this person adds. It is not run. */
async function payloadOf(person: Person): Promise<unknown> {
  let payload: unknown
  const query: Queryable['query'] = (statement) => {
    if (statement.name !== 'queue-job') return idp.signet.database.query(statement)
    payload = JSON.parse(statement.values?.[1] as string)
    return idp.signet.database.query({ text: 'SELECT' })
  }
  const database = { ...idp.signet.database, query }
  const typed = { typed: person.email, locale: 'en', continuation: undefined }
  await requestRecovery({ ...idp.signet, database }, { requestId: 'request', network: '192.0.2.1' }, typed)
  return payload
}

t.test('a link that cannot be used', async (t) => {
  const owner = await verifiedPerson(idp)
  const link = await mailedLink(idp, owner)
  const token = new URL(link, idp.issuer).searchParams.get('token') ?? ''

  t.test('is explained by one page, whatever the reason', async (t) => {
    const expired = await mailedLink(idp, await verifiedPerson(idp))
    await query(`UPDATE account_recoveries SET expires_at = now() WHERE digest = $1`, [digestOf(expired)])
    const used = await mailedLink(idp, await verifiedPerson(idp))
    t.equal((await setPassword(idp.browser(), used)).status, 303)
    const bad = {
      expired,
      used,
      truncated: link.slice(0, -1),
      'with something added': `${link}A`,
      'with another last letter': `${link.slice(0, -1)}${link.endsWith('A') ? 'B' : 'A'}`,
      foreign: `/recover/password?token=${'A'.repeat(43)}`,
      empty: '/recover/password?token=',
      missing: '/recover/password',
      'the digest instead of the secret': `/recover/password?token=${digest(token).toString('base64url')}`,
    }
    const pages = new Set<string>()
    for (const [what, path] of Object.entries(bad)) {
      const opened = await idp.browser().get(path)
      t.ok(isVoid(opened), what)
      pages.add(opened.text)
      const sent = new URL(path, idp.issuer).searchParams.get('token')
      const form = { 'new-password': newPassword, ...(sent !== null && { token: sent }) }
      t.ok(isVoid(await idp.browser().post('/recover/password', form)), `${what}, sent`)
    }
    t.equal(pages.size, 1)
    t.ok(await canSignIn(owner, owner.password))
  })

  t.test('is not used up by looking at it, nor by a password that is refused', async (t) => {
    const browser = idp.browser()
    for (let looks = 0; looks < 3; looks++) t.match(await browser.get(link), { status: 200, text: owner.email })
    t.match(await setPassword(browser, link, { 'new-password': 'short' }), { status: 422, text: /too short/ })
    t.match(await setPassword(browser, link, { 'new-password': '' }), { status: 422, text: /choose a password/ })
    t.match(await setPassword(browser, link, { 'new-password': owner.email }), { status: 422, text: /your name/ })
    const page = await browser.get(link)
    t.equal(page.headers.get('cache-control'), 'no-store')
    t.equal(page.headers.get('referrer-policy'), 'same-origin')
  })

  t.test('does not try any number of passwords', async (t) => {
    const form = { token, 'new-password': 'short' }
    let last = 0
    for (let forms = 0; forms < 31; forms++) last = (await idp.browser().post('/recover/password', form)).status
    t.equal(last, 429)
    await query('DELETE FROM rate_limits')
  })

  t.test('is accepted from its own page only', async (t) => {
    const form = { token, 'new-password': newPassword }
    for (const origin of ['https://evil.example', 'null'])
      t.match(await idp.browser().post('/recover/password', form, { origin }), { status: 403 })
    t.match(await idp.browser().post('/recover', { username: owner.email }, { origin: 'https://evil.example' }), {
      status: 403,
    })
    t.equal((await idp.browser().get(link)).status, 200)
    t.ok(await canSignIn(owner, owner.password))
  })
})

const digestOf = (link: string) => digest(new URL(link, idp.issuer).searchParams.get('token') ?? '')

t.test('of many concurrent uses of a link one succeeds, and the others are told', async (t) => {
  const person = await verifiedPerson(idp)
  const link = await mailedLink(idp, person)
  const passwords = Array.from({ length: 5 }, (_, index) => `${newPassword} number ${index}`)
  const results = await Promise.all(
    passwords.map((password) => setPassword(idp.browser(), link, { 'new-password': password })),
  )
  t.equal(results.filter(({ status }) => status === 303).length, 1)
  t.equal(results.filter(isVoid).length, 4)
  const winner = passwords[results.findIndex(({ status }) => status === 303)] ?? ''
  t.ok(await canSignIn(person, winner))
  t.equal((await eventsOf(person, 'password_recovered')).length, 1)
})

t.test('a link is void as soon as the account has changed', async (t) => {
  const { updateAccount } = await import('../../src/operations/update-account.ts')
  const access = await import('../../src/operations/account-access.ts')
  const { deleteAccount } = await import('../../src/operations/delete-account.ts')
  const operator = { kind: 'operator', by: 'test' } as const
  const changes: Record<string, (person: Person) => Promise<unknown>> = {
    disabled: ({ sub }) => access.disableAccount(idp.signet, operator, sub),
    'disabled and enabled again': async ({ sub }) => {
      await access.disableAccount(idp.signet, operator, sub)
      await access.enableAccount(idp.signet, operator, sub)
    },
    deleted: ({ sub }) => deleteAccount(idp.signet, operator, sub),
    'another address': ({ sub }) =>
      updateAccount(idp.signet, operator, sub, { email: 'new@example.com', email_verified: true }),
    'an address that is no longer verified': ({ sub }) =>
      updateAccount(idp.signet, operator, sub, { email_verified: false }),
    // Whatever changes the row, such as an older release during an upgrade.
    'another row of the address': ({ sub }) =>
      query(`UPDATE account_emails SET email = 'other.' || email WHERE sub = $1`, [sub]),
    'a row of the address that is no longer verified': ({ sub }) =>
      query('UPDATE account_emails SET verified_at = NULL WHERE sub = $1', [sub]),
    'no address': ({ sub }) => updateAccount(idp.signet, operator, sub, { email: null }),
    'a password set by an operator': ({ sub }) => access.setPassword(idp.signet, operator, sub, 'a choice of others'),
    'a password changed by the person': async (person) => {
      const browser = idp.browser()
      await canSignIn(person, person.password, browser)
      const form = { 'current-password': person.password, 'new-password': 'the choice of the person' }
      const changed = await browser.submit(await browser.get('/account/security'), 'password-change', form)
      t.match(changed, { status: 303, location: /password-changed/ })
    },
  }
  for (const [what, change] of Object.entries(changes)) {
    const person = await verifiedPerson(idp)
    const link = await mailedLink(idp, person)
    const page = await idp.browser().get(link)
    t.equal(page.status, 200)
    await change(person)
    t.ok(isVoid(await idp.browser().get(link)), what)
    t.ok(isVoid(await idp.browser().submit(page, 'set-password', { 'new-password': newPassword })), `${what}: sent`)
    t.notOk(await canSignIn(person, newPassword), what)
  }
})

/** A person with a session in one browser, and a token of an application with `offline_access`. */
async function withAccess() {
  const person = await verifiedPerson(idp)
  const client = await idp.client()
  const { browser, redeem } = await signIn(idp, client, { person })
  const { body } = await redeem()
  const hasSession = async () => (await browser.get('/account')).status === 200
  const hasToken = async () => {
    const headers = { authorization: `Bearer ${body.access_token}` }
    return (await fetch(`${idp.issuer}/userinfo`, { headers })).status === 200
  }
  const refreshes = async () => {
    const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token }
    return (await idp.token(client, form)).status === 200
  }
  return { person, browser, hasSession, hasToken, refreshes }
}

t.test('whoever was signed in before the new password', async (t) => {
  t.test('has no access any more', async (t) => {
    const { person, hasSession, hasToken, refreshes } = await withAccess()
    t.ok((await hasSession()) && (await hasToken()))
    const { status, location } = await setPassword(idp.browser(), await mailedLink(idp, person))
    t.equal(status, 303)
    t.equal(location, `${idp.issuer}/sign-in?notice=password-recovered`)
    t.same([await hasSession(), await hasToken(), await refreshes()], [false, false, false])
    t.same(await query('SELECT FROM known_browsers WHERE sub = $1', [person.sub]), [])
    t.match(await eventsOf(person, 'password_recovered'), [
      { detail: { link: 'mailed', access: 'ended', sessions_ended: 1, grants_ended: 1 } },
    ])
    t.match(await eventsOf(person, 'grant_ended'), [{ detail: { reason: 'password_recovered' } }])
  })

  t.test('keeps it if the person unticked the box', async (t) => {
    const { person, hasSession, hasToken, refreshes } = await withAccess()
    const browser = idp.browser()
    const page = await browser.get(await mailedLink(idp, person))
    t.match(page.text, /<input type="checkbox" id="end-access"[^>]* checked/)
    // Browsers do not send an unticked checkbox.
    const sent = { 'new-password': newPassword, 'end-access-offered': '1', token: tokenIn(page) }
    t.equal((await browser.post('/recover/password', sent)).status, 303)
    t.same([await hasSession(), await hasToken(), await refreshes()], [true, true, true])
    t.match(await eventsOf(person, 'password_recovered'), [{ detail: { access: 'kept' } }])
  })

  t.test('has none after a form without the box', async (t) => {
    const { person, hasSession, hasToken } = await withAccess()
    const page = await idp.browser().get(await mailedLink(idp, person))
    const sent = { 'new-password': newPassword, token: tokenIn(page) }
    t.equal((await idp.browser().post('/recover/password', sent)).status, 303)
    t.same([await hasSession(), await hasToken()], [false, false])
  })
})

const tokenIn = ({ text }: Visit) => /name="token" value="([^"]+)"/.exec(text)?.[1] ?? ''

t.test('the new password signs nobody in, and the old one is worthless', async (t) => {
  const person = await verifiedPerson(idp)
  const browser = idp.browser()
  const done = await setPassword(browser, await mailedLink(idp, person))
  t.equal(browser.cookies.get(browser.names.session), undefined)
  const page = await browser.follow(done)
  t.match(page.text, /Your new password has been saved/)
  t.notOk(await canSignIn(person, person.password))
  t.ok(await canSignIn(person, newPassword))
  const [changed, signedIn] = (await mailsTo(idp, person.email)).slice(-2)
  t.match(changed, { subject: /was changed/, text: /with a link that had been sent to this\s+address/ })
  t.match(signedIn?.subject, 'A new browser', 'all browsers were forgotten')
})

t.test('all other open links of the account become void, except those that undo a change of the address', async (t) => {
  const person = await verifiedPerson(idp)
  const [first, second] = [await mailedLink(idp, person), await mailedLink(idp, person)]
  const other = digest('another link')
  await query(
    `INSERT INTO email_verifications (digest, sub, email, browser_digest, code_mac, code_version, expires_at)
     VALUES ($1, $2, 'thief@example.com', $1, $1, 1, now() + interval '1 hour')`,
    [other, person.sub],
  )
  await query(
    `INSERT INTO email_changes (digest, sub, previous_email, new_email, expires_at)
     VALUES ($1, $2, 'before@example.com', $3, now() + interval '7 days')`,
    [other, person.sub, person.email],
  )
  t.equal((await setPassword(idp.browser(), second)).status, 303)
  t.ok(isVoid(await idp.browser().get(first)))
  t.same(await query('SELECT FROM email_verifications WHERE digest = $1 AND spent_at IS NULL', [other]), [])
  // A thief who has changed the address and recovers the account must not get rid of them.
  t.equal((await query('SELECT FROM email_changes WHERE digest = $1 AND undone_at IS NULL', [other])).length, 1)
})

t.test('a person who has made the account wait can sign in at once with the new password', async (t) => {
  const person = await verifiedPerson(idp)
  const network = elsewhere()
  for (let failed = 0; failed < 11; failed++)
    await idp.browser().post('/sign-in', { username: person.email, password: 'forgotten' }, network)
  await query(`UPDATE failed_sign_ins SET failures = 200, next_at = now() + interval '15 minutes'`)
  t.notOk(await canSignIn(person, person.password), 'the account waits')
  const link = await mailedLink(idp, person)
  const page = await idp.browser().get(link)
  const sent = { 'new-password': newPassword, token: tokenIn(page) }
  t.equal((await idp.browser().post('/recover/password', sent, network)).status, 303)
  const again = { username: person.email, password: newPassword }
  t.equal((await idp.browser().post('/sign-in', again, network)).status, 303)
})

// What else such an account needs is tested in recovery-with-factors.test.ts.
t.test('an account with another factor', async (t) => {
  await query('ALTER TABLE account_credentials DROP CONSTRAINT account_credentials_kind_check')
  const plant = ({ sub }: Person, kind = 'passkey') =>
    query(
      `INSERT INTO account_credentials (sub, kind, secret, created_at) VALUES ($1, $2, 'x', now() - interval '8 days')`,
      [sub, kind],
    )

  t.test('gets no mail if a link cannot be enough, and the answer is the same', async (t) => {
    const person = await verifiedPerson(idp)
    await plant(person, 'a kind of a later release')
    t.match(await ask(person.email), { status: 200, text: /Check your e-mail/ })
    t.same(await mailsTo(idp, person.email), [])
    const needs = ['a kind of a later release']
    t.match(await eventsOf(person, 'recovery_requested'), [{ detail: { mail: 'none', needs } }])
  })

  t.test('that it got after the mail was sent is not recovered by the link alone', async (t) => {
    for (const kind of ['passkey', 'a kind of a later release']) {
      const person = await verifiedPerson(idp)
      const link = await mailedLink(idp, person)
      const page = await idp.browser().get(link)
      await plant(person, kind)
      const opened = await idp.browser().get(link)
      t.ok(kind === 'passkey' ? opened.text.includes('Is it you?') : isVoid(opened))
      const sent = await idp.browser().submit(page, 'set-password', { 'new-password': newPassword })
      t.ok(kind === 'passkey' ? sent.location?.includes('/recover/password?token=') : isVoid(sent))
      t.ok(await canSignIn(person, person.password))
    }
  })

  t.test('shows it to whoever got a link from an operator, who can remove it', async (t) => {
    const { recoverForOperator } = await import('../../src/operations/request-recovery.ts')
    const person = await verifiedPerson(idp)
    const bystander = await verifiedPerson(idp)
    for (const { sub } of [person, bystander]) await plant({ ...person, sub })
    await plant(person, 'planted')
    const operator = { kind: 'operator', by: 'test' } as const
    const made = await recoverForOperator(idp.signet, operator, person.sub, 'was here with a passport')
    if (made.outcome !== 'printed') throw new Error('No link was made.')
    const [told] = await mailsTo(idp, person.email)
    t.match(told?.text, /an operator of Signet\s+\(.*\) created a link/)
    t.notMatch(told?.text, made.link)
    const page = await idp.browser().get(made.link.slice(idp.issuer.length))
    t.match(page.text, /Remove <bdi class="identifier">planted<\/bdi>/)
    const ids = await query('SELECT id, sub, kind FROM account_credentials WHERE kind <> $1', ['password'])
    const idOf = (sub: string, kind: string) => ids.find((row) => row['sub'] === sub && row['kind'] === kind)?.['id']
    const removed = [idOf(person.sub, 'planted'), idOf(bystander.sub, 'passkey')].map((id) => [`remove-${id}`, '1'])
    const form = { 'new-password': newPassword, ...Object.fromEntries(removed) }
    t.equal((await idp.browser().submit(page, 'set-password', form)).status, 303)
    const kinds = async ({ sub }: Person) =>
      (await query('SELECT kind FROM account_credentials WHERE sub = $1 ORDER BY id', [sub])).map((row) => row['kind'])
    t.same(await kinds(person), ['password', 'passkey'])
    t.same(await kinds(bystander), ['password', 'passkey'], 'those of others are not affected')
    t.match(await eventsOf(person, 'password_recovered'), [
      { detail: { link: 'printed', removed: ['planted'], others_kept: 1 } },
    ])
    const [, changed] = await mailsTo(idp, person.email)
    t.match(changed?.text, /with a link that an\s+operator\s+had\s+handed\s+over/)
  })
})

t.test('an installation that sends no mail offers no recovery, but accepts links of operators', async (t) => {
  const { recoverForOperator } = await import('../../src/operations/request-recovery.ts')
  const port = String(await freePort())
  const silent = await startSignet(t, { SIGNET_ISSUER: 'https://id.example', SIGNET_PORT: port })
  const browser: Browser = silent.browser()
  t.notMatch((await browser.get('/sign-in')).text, 'to-recover')
  const unknown = await browser.get('/no-such-page')
  const found = await browser.get('/recover')
  t.equal(found.status, 404)
  const plain = ({ text }: Visit) => text.replaceAll(/[0-9a-f]{16}/g, '…')
  t.equal(plain(found), plain(unknown))
  t.equal((await browser.post('/recover', { username: 'somebody' })).status, 404)
  t.notMatch((await browser.get('/recover/password')).text, 'recover-again')
  const person = await silent.person()
  const made = await recoverForOperator(silent.signet, { kind: 'operator', by: 'test' }, person.sub, 'called')
  if (made.outcome !== 'printed') throw new Error('No link was made.')
  t.equal((await setPassword(browser, new URL(made.link).pathname + new URL(made.link).search)).status, 303)
})

t.test('the database has no secret of a link', async (t) => {
  const person = await verifiedPerson(idp)
  const link = await mailedLink(idp, person)
  t.ok(await findRecovery(idp.signet.database, digestOf(link)))
  const token = new URL(link, idp.issuer).searchParams.get('token') ?? ''
  for (const table of ['account_recoveries', 'events'])
    t.same(await query(`SELECT FROM ${table} AS row WHERE row::text LIKE $1`, [`%${token}%`]), [], table)
  t.notMatch(idp.logged(), token)
  t.notMatch(idp.logged(), newPassword)
})

t.test('nobody has asked for a link without a name', async (t) => {
  t.match(await askForLink(idp.browser(), '  '), { status: 422, text: /enter your e-mail address/ })
})
