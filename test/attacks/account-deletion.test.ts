import t from 'tap'
import type { Browser, Visit } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { mailsTo } from '../support/mails.ts'
import { givePasskey } from '../support/passkeys.ts'
import { mailedLink, newPassword, verifiedPerson as personWithAddress } from '../support/recovery.ts'
import { enterPassword, giveTotp } from '../support/totp.ts'
import { cookiesOf, enter, hiddenOf } from './account-forms.ts'
import { postForm } from './send.ts'

/* Somebody who wants to delete an account that is not theirs, or to keep access to one that is being deleted. */

const idp = await startSignet(t)
const { database } = idp.signet
const query = async (text: string, ...values: unknown[]) => (await database.query({ text, values })).rows

const verifiedPerson = () => personWithAddress(idp)

const isDeleted = async ({ sub }: Person) =>
  (await query('SELECT FROM accounts WHERE sub = $1 AND deleted_at IS NOT NULL', sub)).length === 1
const eventsOf = async ({ sub }: Person, type: string) =>
  (await query('SELECT detail FROM events WHERE sub = $1 AND type = $2', sub, type)).length
const liveSessions = async ({ sub }: Person) =>
  (await query('SELECT FROM sessions WHERE sub = $1 AND ended_at IS NULL', sub)).length

/** Lets an hour pass since everything that the sessions of an account have proven. */
const age = ({ sub }: Person) =>
  query(
    `UPDATE sessions SET auth_time = auth_time - interval '1 hour', factor_time = factor_time - interval '1 hour' WHERE sub = $1`,
    sub,
  )

const isStepUp = ({ status, location = 'none:' }: Visit) => status === 303 && new URL(location).pathname === '/step-up'

async function deletionPage(person: Person): Promise<{ browser: Browser; page: Visit }> {
  const browser = await enter(idp, person)
  return { browser, page: await browser.get('/account/data/delete') }
}

/** Runs requests at the same time: none gets past the lock on the account before all wait for it, in this order. */
async function inOrder<T>(person: Person, requests: readonly (() => Promise<T>)[]): Promise<T[]> {
  const holder = await database.connect()
  const { rows } = await holder.query('SELECT pg_backend_pid() AS pid')
  await holder.query('BEGIN')
  await holder.query({ text: 'SELECT FROM accounts WHERE sub = $1 FOR UPDATE', values: [person.sub] })
  const answers: Promise<T>[] = []
  for (const request of requests) {
    answers.push(request())
    await eventually(
      `${answers.length} to wait`,
      async () =>
        Number(
          (
            await query(
              `SELECT count(*) AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() AND pid <> $1`,
              rows[0]?.pid,
            )
          )[0]?.waiting,
        ),
      (waiting) => waiting >= answers.length,
    )
  }
  await holder.query('COMMIT')
  holder.release()
  return Promise.all(answers)
}

t.test('a stolen session neither deletes the account nor gets its data', async (t) => {
  const person = await verifiedPerson()
  const { browser, page } = await deletionPage(person)
  const download = hiddenOf(await browser.get('/account/data'), 'download-data')
  await age(person)
  t.ok(isStepUp(await browser.get('/account/data/delete')), 'the form is not even shown')
  t.ok(isStepUp(await browser.submit(page, 'delete-account', { 'account-name': person.email })))
  const file = await browser.post('/account/data/download', download)
  t.ok(isStepUp(file))
  t.notMatch(file.text, person.sub)
  t.notMatch((await browser.get('/account/data')).text, 'download-data')
  t.equal(await isDeleted(person), false)
  t.equal(await eventsOf(person, 'data_downloaded'), 0)
  t.same(
    (await mailsTo(idp, person.email)).filter(({ subject }) => /deleted/.test(subject)),
    [],
  )
})

t.test('the password is not enough for an account with a passkey or one-time codes', async (t) => {
  for (const give of [givePasskey, giveTotp]) {
    const person = await verifiedPerson()
    const { browser, page } = await deletionPage(person)
    const download = hiddenOf(await browser.get('/account/data'), 'download-data')
    await give(idp, person)
    t.ok(isStepUp(await browser.submit(page, 'delete-account', { 'account-name': person.email })))
    t.ok(isStepUp(await browser.post('/account/data/download', download)))
    t.equal(await isDeleted(person), false)
  }
})

t.test('the name of another account, or none, deletes nothing', async (t) => {
  const person = await verifiedPerson()
  const other = await verifiedPerson()
  const { browser, page } = await deletionPage(person)
  for (const typed of ['', ' ', other.email, other.username, other.sub, `${person.email}x`, 'DELETE']) {
    const { status, text } = await browser.submit(page, 'delete-account', { 'account-name': typed })
    t.equal(status, 422, typed)
    t.match(text, 'account-name-fault')
  }
  t.equal(await isDeleted(person), false)
  const { status } = await browser.submit(page, 'delete-account', { 'account-name': person.username })
  t.equal(status, 200, 'the user name is a name of the account, too')
  t.equal(await isDeleted(person), true)
  t.equal(await isDeleted(other), false)
})

t.test('no other site sends the forms, and no form of another person is accepted', async (t) => {
  const person = await verifiedPerson()
  const stranger = await deletionPage(await verifiedPerson())
  const { browser, page } = await deletionPage(person)
  const forms = {
    '/account/data/delete': { ...hiddenOf(page, 'delete-account'), 'account-name': person.email },
    '/account/data/download': hiddenOf(await browser.get('/account/data'), 'download-data'),
  }
  for (const [path, values] of Object.entries(forms)) {
    const form = new URLSearchParams(values).toString()
    const cookie = cookiesOf(browser)
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
      t.equal((await postForm(idp, path, form, { cookie, ...headers })).status, 403, path)
    const { csrf: _, ...without } = values as Record<string, string>
    t.equal((await postForm(idp, path, new URLSearchParams(without).toString(), { cookie })).status, 403, path)
    const theirs = await browser.post(path, {
      ...values,
      account: hiddenOf(stranger.page, 'delete-account')['account'] ?? '',
    })
    t.match(theirs.location, 'notice=other-account', path)
    const nobody = await idp.browser().post(path, values)
    t.match(nobody.location, '/sign-in?', 'somebody who is signed out')
  }
  t.equal(await isDeleted(person), false)
  t.equal(await eventsOf(person, 'data_downloaded'), 0)
})

t.test('of two deletions at the same time one deletes, and the person gets one mail', async (t) => {
  const person = await verifiedPerson()
  const { browser, page } = await deletionPage(person)
  const other = await enter(idp, person)
  const otherPage = await other.get('/account/data/delete')
  const press = (from: Browser, on: Visit) => () => from.submit(on, 'delete-account', { 'account-name': person.email })
  const [first, second] = await inOrder(person, [press(browser, page), press(other, otherPage)])
  t.equal(first?.status, 200)
  t.match(second, { status: 303, location: /\/sign-in\?/ })
  t.equal(await eventsOf(person, 'account_deleted'), 1)
  t.equal((await mailsTo(idp, person.email)).filter(({ subject }) => /deleted/.test(subject)).length, 1)
})

t.test('a sign-in during the deletion ends with no session, whichever comes first', async (t) => {
  for (const isFirst of [true, false]) {
    const person = await verifiedPerson()
    const { browser, page } = await deletionPage(person)
    const late = idp.browser()
    const form = await late.get('/sign-in')
    const signIn = () => late.submit(form, 'sign-in', { username: person.username, password: person.password })
    const deletion = () => browser.submit(page, 'delete-account', { 'account-name': person.email })
    await inOrder(person, isFirst ? [signIn, deletion] : [deletion, signIn])
    t.equal(await isDeleted(person), true)
    t.equal(await liveSessions(person), 0)
    t.match((await late.get('/account')).location, '/sign-in?')
    t.same(await query('SELECT FROM known_browsers WHERE sub = $1', person.sub), [])
  }
})

t.test('a sign-in that waits for its second factor ends with the account', async (t) => {
  const person = await verifiedPerson()
  const { browser, page } = await deletionPage(person)
  const app = await giveTotp(idp, person)
  await query(`UPDATE sessions SET factor = 'totp', factor_time = now() WHERE sub = $1`, person.sub)
  const late = idp.browser()
  const second = await enterPassword(late, person)
  t.match(second.url, '/second-factor')
  const deleted = await browser.submit(page, 'delete-account', { 'account-name': person.email })
  t.equal(deleted.status, 200)
  const after = await late.submit(second, 'confirm', { code: app.code() })
  t.notOk(late.cookies.has(idp.cookieNames.session), `${after.status}`)
  t.equal(await liveSessions(person), 0)
})

t.test('a recovery during the deletion leaves either no account, or one that nobody is signed in to', async (t) => {
  for (const isFirst of [true, false]) {
    const person = await verifiedPerson()
    const { browser, page } = await deletionPage(person)
    const link = await mailedLink(idp, person)
    const late = idp.browser()
    const form = await late.get(link)
    const recover = () => late.submit(form, 'set-password', { 'new-password': newPassword })
    const deletion = () => browser.submit(page, 'delete-account', { 'account-name': person.email })
    await inOrder(person, isFirst ? [recover, deletion] : [deletion, recover])
    t.equal(await isDeleted(person), !isFirst, 'the recovery has ended the session that would delete')
    t.equal(await liveSessions(person), 0)
    t.equal(
      (await query('SELECT FROM account_credentials WHERE sub = $1', person.sub)).length,
      isFirst ? 1 : 0,
      'no password of a deleted account',
    )
  }
})

t.test('a link that was sent before the deletion does not bring the account back', async (t) => {
  const person = await verifiedPerson()
  const link = await mailedLink(idp, person)
  const { browser, page } = await deletionPage(person)
  await browser.submit(page, 'delete-account', { 'account-name': person.email })
  t.equal((await idp.browser().get(link)).status, 410)
})
