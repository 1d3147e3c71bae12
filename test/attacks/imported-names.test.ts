import t from 'tap'
import { importAccount } from '../../src/operations/import-account.ts'
import { kindOf } from '../../src/records/accounts/password-formats.ts'
import { kindOfNobody, type PasswordKinds } from '../../src/records/accounts/password-kinds.ts'
import { readPasswordKinds } from '../../src/records/accounts/password-kinds-store.ts'
import { foreignHashes } from '../support/foreign-hashes.ts'
import { startSignet } from '../support/idp.ts'
import { setFailures, setWait, tryPassword } from './guesses.ts'

/*
 * Imported hashes take another time to check than our own. No clock is needed to see what an attacker could measure: the kind of hash that each
 * attempt costs.
 */

const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' })
const { database } = idp.signet
const kinds = idp.signet.passwordKinds as PasswordKinds
const operator = { kind: 'operator', by: 'test' } as const
const [bcrypt, scrypt] = [foreignHashes['bcrypt $2b$']!, foreignHashes['scrypt']!]

let networks = 0
const elsewhere = () => ({ network: `2001:${(++networks).toString(16)}::1` })

async function importPerson(username: string, passwordHash: string | undefined): Promise<void> {
  const item = {
    ...{ sub: `old|${username}`, profile: { username }, email: undefined, emailVerified: false },
    ...{ disabled: false, passwordHash },
  }
  const { outcome } = await importAccount(idp.signet, operator, item, { source: 'json', dryRun: false })
  if (outcome !== 'imported') throw new Error(outcome)
}

/** The kind of hash that an attempt with a wrong password costs. */
async function costOf(username: string): Promise<string> {
  const { verify } = idp.signet.passwords
  const costs: string[] = []
  const spy = t.capture(idp.signet.passwords, 'verify', (...given: Parameters<typeof verify>) => {
    const [, hash, , dummyKind] = given
    costs.push(hash === undefined ? (dummyKind ?? 'own') : kindOf(hash))
    return verify(...given)
  })
  const { status } = await tryPassword(idp, username, 'wrong', elsewhere())
  spy.restore()
  t.equal(status, 403)
  t.equal(costs.length, 1)
  return costs[0]!
}

const ghosts = Array.from({ length: 30 }, (_, index) => `ghost.${index}`)
const costsOf = async (names: readonly string[]) => {
  const costs: string[] = []
  for (const name of names) costs.push(await costOf(name))
  return costs
}
const [bcryptKind, scryptKind] = ['$2b$05', '$scrypt$ln=10,r=8,p=1']

t.test('before an import every name costs our own hash', async (t) => {
  t.same(new Set(await costsOf(ghosts.slice(0, 5))), new Set(['own']))
})

t.test('after an import, names that nobody has cost what those of accounts do', async (t) => {
  for (let index = 0; index < 6; index++) {
    await importPerson(`bc.${index}`, bcrypt.hash)
    await importPerson(`sc.${index}`, scrypt.hash)
  }
  await kinds.refresh()
  const costs = await costsOf(ghosts)
  t.same(new Set(costs), new Set([bcryptKind, scryptKind]), 'nobody has our own hash yet')
  t.same(await costsOf(ghosts), costs, 'always the same for one name')
  t.same(await costsOf(ghosts.map((name) => name.toUpperCase())), costs, 'however it is typed')
  t.equal(await costOf('bc.0'), bcryptKind)
  t.equal(await costOf('sc.0'), scryptKind)

  t.test('on every node', async (t) => {
    const record = await readPasswordKinds(database)
    t.same(
      ghosts.map((name) => kindOfNobody(record, name)),
      costs,
    )
  })

  t.test('an account without a password costs what its name would cost without an account', async (t) => {
    const before = await costOf('no.password')
    await importPerson('no.password', undefined)
    t.equal(await costOf('no.password'), before)
  })

  t.test('an account that waits after too many failures still costs its own kind', async (t) => {
    for (const name of ['bc.1', 'sc.1']) {
      await setFailures(idp, 99)
      const before = await costOf(name)
      await setFailures(idp, 101)
      await setWait(idp, 800)
      t.equal(await costOf(name), before)
    }
  })
})

t.test('an import with a kind for every person does not make each sign-in count them all', async (t) => {
  const before = await readPasswordKinds(database)
  await database.query({
    text: `INSERT INTO imported_passwords SELECT '$pbkdf2-sha256$i=' || 1000 + i || ',l=32', 1, 1 FROM generate_series(1, 500) AS i`,
  })
  const { kinds } = await readPasswordKinds(database)
  t.equal(kinds.length, 64)
  const sumOf = (list: typeof kinds, member: 'imported' | 'remaining') =>
    list.reduce((sum, kind) => sum + kind[member], 0)
  for (const member of ['imported', 'remaining'] as const)
    t.equal(sumOf(kinds, member), sumOf(before.kinds, member) + 500, 'all are counted')
  await database.query({ text: `DELETE FROM imported_passwords WHERE kind LIKE '$pbkdf2%'` })
  t.same(await readPasswordKinds(database), before)
})

t.test('when people sign in, names that nobody has change to our own hash like theirs, and never back', async (t) => {
  await database.query({ text: 'DELETE FROM failed_sign_ins' })
  let before = await costsOf(ghosts)
  for (let index = 0; index < 6; index++) {
    const { status } = await tryPassword(idp, `bc.${index}`, bcrypt.password, elsewhere())
    t.equal(status, 303)
    await kinds.refresh()
    const after = await costsOf(ghosts)
    for (const [place, cost] of after.entries())
      if (cost !== before[place]) t.same([before[place], cost], [bcryptKind, 'own'])
    before = after
  }
  t.notOk(before.includes(bcryptKind), 'nothing of a kind that no account has any more')
  t.ok(before.includes(scryptKind))
})
