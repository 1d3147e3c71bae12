import t from 'tap'
import type { Clock } from '../../src/platform/clock.ts'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'

const idp = await startSignet(t)
const client = await idp.client({ first_party: true })
const { database, clock } = idp.signet

/** The state after a jump of the machine's clock, until the database has been asked. */
let ahead = 0
const jumped: Clock = {
  now: () => clock.now() + ahead,
  seconds: () => Math.floor((clock.now() + ahead) / 1000),
  observe: clock.observe,
}
Object.assign(idp.signet, { clock: jumped })
t.afterEach(() => {
  ahead = 0
})
const asksAnew = () => `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), { prompt: 'login' }))}`

t.test('a sign-in while the clock was ahead does not count as the sign-in that a later request asks for', async (t) => {
  ahead = 3_600_000
  const { browser } = await signIn(idp, client)
  const { rows } = await database.query('SELECT auth_time <= clock_timestamp() AS past FROM sessions ORDER BY id')
  t.match(rows, [{ past: true }])
  ahead = 0
  const page = await browser.follow(await browser.get(asksAnew()))
  t.match(page.text, 'id="sign-in"', 'prompt=login asks for the password')
})

t.test('a request that came while the clock was ahead is answered after one sign-in', async (t) => {
  const person = await idp.person()
  const browser = idp.browser()
  ahead = 300_000
  const page = await browser.follow(await browser.get(asksAnew()))
  t.match(page.text, 'id="sign-in"')
  ahead = 0
  const form = { username: person.username, password: person.password }
  const answered = await browser.follow(await browser.submit(page, 'sign-in', form))
  t.match(answered.location, /^https:\/\/app\.example\/callback\?code=/)
  const again = await passPages(browser, await browser.get(asksAnew()), person)
  t.match(again.location, /^https:\/\/app\.example\/callback\?code=/)
})
