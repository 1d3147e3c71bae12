import pg from 'pg'
import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { signInWith, signUp, subOf } from '../support/verification.ts'

const idp = await startSignet(t, { SIGNET_EMAIL_VERIFICATION: 'required' })
const { database } = idp.signet

/** What an earlier release leaves: it does not know the column. */
const forget = (sub: string) =>
  database.query({ text: 'UPDATE accounts SET signed_up = NULL WHERE sub = $1', values: [sub] })

async function isSignedUp(sub: string): Promise<boolean | null | undefined> {
  const { rows } = await database.query<{ signed_up: boolean | null }>({
    text: 'SELECT signed_up FROM accounts WHERE sub = $1',
    values: [sub],
  })
  return rows[0]?.signed_up
}

t.test(
  'an account from the sign-up page of an earlier release must verify its address from the next sign-in on',
  async (t) => {
    const { browser, email, password } = await signUp(idp)
    const sub = await subOf(idp, email)
    await forget(sub)
    t.equal((await browser.get('/account')).status, 200, 'the session that is open continues')
    const other = idp.browser()
    const page = await signInWith(other, email, password)
    t.match(page.url, /\/verify-email/)
    t.equal(await isSignedUp(sub), true)
    t.match((await browser.get('/account')).location, /\/verify-email/)
  },
)

t.test('the wrong password decides nothing', async (t) => {
  const { email } = await signUp(idp)
  const sub = await subOf(idp, email)
  await forget(sub)
  await signInWith(idp.browser(), email, 'not the password of it')
  t.equal(await isSignedUp(sub), null)
})

t.test(
  'an account that an operator made with an earlier release, or whose event was deleted, is never blocked',
  async (t) => {
    for (const detail of [{ by: 'operator ada' }, { by: 'operator ada', import: 'keycloak' }, undefined]) {
      const { sub, email, password } = await idp.person()
      await forget(sub)
      if (detail)
        await database.query({
          text: `INSERT INTO events (type, sub, at, detail) SELECT 'account_created', sub, created_at, $2 FROM accounts WHERE sub = $1`,
          values: [sub, detail],
        })
      const browser = idp.browser()
      await signInWith(browser, email, password)
      t.equal((await browser.get('/account')).status, 200, JSON.stringify(detail))
      t.equal(await isSignedUp(sub), false)
    }
  },
)

t.test('it is decided once, and costs other sign-ins no statement', async (t) => {
  const { email, password } = await signUp(idp)
  let decisions = 0
  const query = pg.Client.prototype.query as (...given: unknown[]) => unknown
  t.capture(pg.Client.prototype, 'query', function (this: unknown, ...given: unknown[]) {
    if ((given[0] as { text?: string }).text?.startsWith('UPDATE accounts SET signed_up = EXISTS')) decisions += 1
    return query.apply(this, given)
  } as never)
  await signInWith(idp.browser(), email, password)
  t.equal(decisions, 0)
  await forget(await subOf(idp, email))
  await signInWith(idp.browser(), email, password)
  await signInWith(idp.browser(), email, password)
  t.equal(decisions, 1)
})
