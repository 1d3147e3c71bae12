import t from 'tap'
import type { Person } from '../../src/operations/actor.ts'
import { changePassword } from '../../src/operations/change-password.ts'
import { changeSignInNames } from '../../src/operations/change-sign-in-names.ts'
import type { Sub } from '../../src/records/ids.ts'
import type { Session } from '../../src/records/sessions/sessions-store.ts'
import type { Signet } from '../../src/signet.ts'

/*
 * How the forms handle valid values is tested in test/flows/account.test.ts. These values have faults, so only the settings and the kinds of credentials are read.
 */

const signet = {
  settings: { issuer: 'https://idp.example', passwordMinLength: 8, passwordSignIn: 'on' },
  clock: { now: () => 0 },
  // The account has a password only.
  database: { query: async () => ({ rows: [{ id: 1, kind: 'password' }], rowCount: 1 }) },
} as unknown as Signet
const actor: Person = { kind: 'person', sub: 'person' as Sub, caller: { requestId: 'r', network: '192.0.2.0' } }
const session = { authTime: 0, account: { sub: 'person', username: 'anna', email: undefined } } as unknown as Session

/** Looking up the browser gives one without a cookie a new one, so it is not done for a form that is rejected anyway. */
const notAsked = () => {
  throw new Error('The browser was asked for.')
}

t.test('a faulty form for changing the names does not look up the browser', async (t) => {
  const right = { username: 'other', email: undefined, password: 'whatever it is' }
  for (const wrong of [{ password: undefined }, { username: undefined }, { username: 'a b' }, { email: 'nobody' }]) {
    const changed = await changeSignInNames(signet, actor, session, notAsked, { ...right, ...wrong })
    t.equal(changed.outcome, 'faulty', JSON.stringify(wrong))
  }
  await t.rejects(changeSignInNames(signet, actor, session, notAsked, right), { message: /asked for/ })
})

t.test('a faulty form for changing the password does not look up the browser', async (t) => {
  const right = {
    current: 'whatever it is',
    wanted: 'quiet lamps over harbours',
    sessionDigest: Buffer.alloc(32),
    applications: 'keep' as const,
  }
  for (const wrong of [{ current: undefined }, { wanted: undefined }, { wanted: 'short' }]) {
    const changed = await changePassword(signet, actor, session, notAsked, { ...right, ...wrong })
    t.equal(changed.outcome, 'faulty', JSON.stringify(wrong))
  }
  await t.rejects(changePassword(signet, actor, session, notAsked, right), { message: /asked for/ })
})
