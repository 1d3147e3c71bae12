import { randomBytes } from 'node:crypto'
import t from 'tap'
import { findPassword } from '../../../src/records/accounts/account-password-store.ts'
import { findAccountsByIdentifier, findSignInCandidates } from '../../../src/records/accounts/accounts-by-name-store.ts'
import { insertAccount, setEmailVerified } from '../../../src/records/accounts/accounts-store.ts'
import { typedName } from '../../../src/records/accounts/canonical-names.ts'
import type { Sub } from '../../../src/records/ids.ts'
import { migratedDatabase } from '../../database.ts'

const { openPool } = await migratedDatabase(t)
const db = openPool({ max: 2 })

const account = (sub: string, email: string) =>
  insertAccount(db, { sub: sub as Sub, profile: {}, email, passwordHash: `hash of ${sub}` })

/** Creates accounts that got this address at some time. */
async function crowd(name: string, email: string, when: string): Promise<void> {
  for (let n = 0; n < 30; n++) await account(`${name}-${n}`, email)
  await db.query('UPDATE account_emails SET created_at = $2 WHERE sub LIKE $1', [`${name}-%`, when])
}

async function signedIn(sub: string, browser: Buffer): Promise<void> {
  await db.query(
    `INSERT INTO known_browsers (sub, browser_digest, used_at) SELECT sub, $1, now() FROM accounts WHERE sub = $2`,
    [browser, sub],
  )
}

t.test(
  'a crowd of accounts with the same address does not displace the owner from the candidates of a sign-in',
  async (t) => {
    const email = 'wanted@example.com'
    const candidates = async (browser = randomBytes(32), unverified: 'instead' | 'signed_up_too' = 'instead') =>
      (await findSignInCandidates(db, typedName(email.toUpperCase()), browser, unverified)).map(
        ({ sub }): string => sub,
      )

    await account('first', email)
    await crowd('later', email, '2040-01-01')
    t.equal((await candidates()).length, 5)
    t.equal((await candidates())[0], 'first', 'who entered it first')

    // Accounts that are older, but got this address later.
    await db.query(`UPDATE accounts SET created_at = '2001-01-01' WHERE sub LIKE 'later-%'`)
    t.equal((await candidates())[0], 'first', 'an older account that got the address later')

    const browser = randomBytes(32)
    await crowd('earlier', email, '2001-01-01')
    t.notOk((await candidates()).includes('first'))
    await signedIn('first', browser)
    await signedIn('later-7', browser)
    t.same((await candidates(browser)).slice(0, 2), ['first', 'later-7'], 'this browser knows them')
    const [known] = await findSignInCandidates(db, typedName(email), browser, 'instead')
    t.match(known, { sub: 'first', isKnownBrowser: true, passwordHash: 'hash of first', disabled: false })
    t.match(await findPassword(db, 'first' as Sub, browser), { isKnownBrowser: true, passwordHash: 'hash of first' })
    t.match(await findPassword(db, 'later-8' as Sub, browser), {
      isKnownBrowser: false,
      passwordHash: 'hash of later-8',
    })

    await setEmailVerified(db, 'later-9' as Sub)
    t.same(await candidates(browser), ['later-9'], 'a verified address identifies its account alone')
    t.same(await candidates(browser, 'signed_up_too'), ['later-9'], 'whose people did not sign up')
    await db.query('UPDATE accounts SET signed_up = true')
    const all = await candidates(browser, 'signed_up_too')
    t.same(all.slice(0, 3), ['later-9', 'first', 'later-7'], 'and before the others, where they count too')
    t.equal(all.length, 6, 'of whom it displaces none')
  },
)

t.test('a browser that has signed in to accounts with other addresses suggests none of them', async (t) => {
  const browser = randomBytes(32)
  await account('other', 'other@example.com')
  await signedIn('other', browser)
  t.same(await findSignInCandidates(db, typedName('nobody@example.com'), browser, 'signed_up_too'), [])
})

t.test('of a crowd with the same address a look-up returns a few, with the verified one first', async (t) => {
  const email = 'shared@example.com'
  await crowd('shared', email, '2030-01-01')
  const found = await findAccountsByIdentifier(db, typedName(email), 21)
  t.equal(found.length, 21)
  t.notOk(found.some(({ unambiguous }) => unambiguous))
  await account('verified', email)
  await setEmailVerified(db, 'verified' as Sub)
  const [first] = await findAccountsByIdentifier(db, typedName('SHARED@example.com'), 21)
  t.match(first, { account: { sub: 'verified' }, unambiguous: true })
  t.equal((await findAccountsByIdentifier(db, typedName('SHARED@example.com'), 21)).length, 1)
})
