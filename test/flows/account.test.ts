import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { sessionHandle } from '../../src/endpoints/account/session-handle.ts'
import { setEmailVerified } from '../../src/records/accounts/accounts-store.ts'
import { addConsent } from '../../src/records/consents/consents-store.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { type Idp, type Person, startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'

const newPassword = 'quiet lamps over harbours'

/** A browser in which somebody is signed in, on the account page. */
async function arrive(idp: Idp, person: Person, browser: Browser = idp.browser()) {
  const visit = await browser.submit(await browser.get('/sign-in'), 'sign-in', {
    username: person.username,
    password: person.password,
  })
  if (visit.status !== 303) throw new Error(`Not signed in: ${visit.status}`)
  return { browser, page: await browser.get('/account') }
}

const query = async (idp: Idp, text: string, values: unknown[] = []) =>
  (await idp.signet.database.query({ text, values })).rows

/** All that the page can change, as text. */
async function state(idp: Idp): Promise<string> {
  const tables = ['accounts', 'account_emails', 'account_credentials', 'consents', 'grants']
  const all = await Promise.all(tables.map((table) => query(idp, `SELECT * FROM ${table} ORDER BY 1, 2`)))
  const sessions = await query(idp, 'SELECT id, digest, ended_at FROM sessions ORDER BY id')
  return JSON.stringify([all, sessions])
}

const eventsOf = async (idp: Idp, sub: string) =>
  (await query(idp, 'SELECT type, detail, client_id FROM events WHERE sub = $1 ORDER BY id', [sub])) as {
    type: string
    detail: Record<string, unknown>
    client_id: string | null
  }[]

const isToSignIn = (visit: Visit) =>
  visit.status === 303 && new URL(visit.location ?? '').pathname === '/sign-in' && visit.text === ''

/** Every form of the page, with what would make it do something. */
async function everyForm(idp: Idp, person: Person) {
  const client = await idp.client()
  const { browser } = await signIn(idp, client, { person })
  await arrive(idp, person)
  const page = await browser.get('/account')
  const forms: [id: string, path: string, values: Record<string, string>][] = [
    ['profile-save', '/account/profile', { name: 'Changed' }],
    ['sign-in-save', '/account/sign-in', { username: 'changed', 'confirm-password': person.password }],
    ['password-change', '/account/password', { 'current-password': person.password, 'new-password': newPassword }],
    ['end-session-2', '/account/sessions/end', {}],
    ['end-other-sessions', '/account/sessions/end', {}],
    [`disconnect-${client.client_id}`, '/account/applications/disconnect', {}],
  ]
  return { browser, page, client, forms }
}

t.test('every form of the account page', async (t) => {
  const idp = await startSignet(t)
  const person = await idp.person()
  const { browser, page, forms } = await everyForm(idp, person)
  /** The fields of a form as a browser would send them. */
  const fieldsOf = async (id: string, values: Record<string, string>) => {
    let sent: Record<string, string> = {}
    const spy: Browser = { ...browser, post: async (_path, form) => ((sent = form as Record<string, string>), page) }
    const html = page.text.match(/<form\b[^>]*>[\s\S]*?<\/form>/g)?.find((form) => form.includes(`id="${id}"`)) ?? ''
    for (const [, name = '', value = ''] of html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g))
      sent[name] = value
    t.ok(spy && sent['csrf'] && sent['account'], `${id} is on the page`)
    return { ...sent, ...values }
  }
  const before = await state(idp)

  for (const [id, path, values] of forms) {
    const form = await fieldsOf(id, values)

    t.test(`${id}: sent from elsewhere with everything right in it, it does nothing`, async (t) => {
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: `${idp.issuer}.evil.example` },
        { origin: 'https://evil.example', referer: `${idp.issuer}/account` },
      ])
        t.match(await browser.post(path, form, headers), { status: 403, location: undefined })
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const silent = (fields: Record<string, string>, more: Record<string, string> = {}) =>
        fetch(idp.issuer + path, {
          method: 'POST',
          redirect: 'manual',
          headers: { cookie, 'content-type': 'application/x-www-form-urlencoded', ...more },
          body: new URLSearchParams(fields).toString(),
        })
      t.equal((await silent({ ...form, csrf: '' })).status, 403, 'nothing says where it is from, and no token')
      t.equal((await silent({ ...form, csrf: '__proto__' })).status, 403)
      t.equal((await silent(form, { 'sec-fetch-site': 'cross-site' })).status, 403)
      t.equal(await state(idp), before)
    })

    t.test(`${id}: what cannot be read is not guessed at`, async (t) => {
      const encoded = new URLSearchParams(form).toString()
      for (const [name] of Object.entries(form))
        t.equal((await browser.post(path, `${encoded}&${name}=x`)).status, 403, `${name} doubled`)
      for (const rubbish of ['name=%00', 'session=a%00b', 'username=%ff', '__proto__=%00', 'x=%zz'])
        t.equal((await browser.post(path, `${encoded}&${rubbish}`)).status, 403, rubbish)
      t.equal((await browser.post(path, '')).status, 403)
      const bare = { method: 'POST', headers: { origin: idp.issuer }, redirect: 'manual' } as const
      t.equal((await fetch(idp.issuer + path, bare)).status, 403, 'without a body')
      t.equal(await state(idp), before)
    })

    t.test(`${id}: signed out, it leads to the sign-in page and does nothing`, async (t) => {
      const stranger = idp.browser()
      t.ok(isToSignIn(await stranger.post(path, form)))
      stranger.cookies.set('signet_session', 'A'.repeat(43))
      t.ok(isToSignIn(await stranger.post(path, form)))
      t.equal(await state(idp), before)
    })

    t.test(`${id}: made for one person and sent by another, it does nothing to either`, async (t) => {
      const other = await arrive(idp, await idp.person())
      const untouched = await state(idp)
      t.match(await other.browser.post(path, form), { status: 303, location: `${idp.issuer}/account?notice=other-account` })
      for (const proof of ['', '__proto__', 'x'.repeat(43), 'é'.repeat(43)])
        t.match((await browser.post(path, { ...form, account: proof })).location, 'notice=other-account')
      t.equal(await state(idp), untouched)
      await query(idp, 'DELETE FROM sessions WHERE sub <> $1', [person.sub])
      await query(idp, 'DELETE FROM account_emails WHERE sub <> $1', [person.sub])
      await query(idp, 'DELETE FROM account_credentials WHERE sub <> $1', [person.sub])
      await query(idp, 'DELETE FROM accounts WHERE sub <> $1', [person.sub])
    })

    t.test(`${id}: eight kilobytes in any field are no failure of ours`, async (t) => {
      for (const name of Object.keys(form)) {
        const visit = await browser.post(path, { ...form, [name]: 'x'.repeat(8192), 'new-password': 'x' })
        t.ok([303, 403, 422].includes(visit.status), `${name}: ${visit.status}`)
        if (name !== 'csrf') t.notMatch(visit.location ?? '', /saved|changed|ended|disconnected/, name)
        else break
      }
      t.equal(typeof (await browser.get('/account')).status, 'number')
    })
  }
})
