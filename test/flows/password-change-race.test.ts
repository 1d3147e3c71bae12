import t from 'tap'
import { lockPassword, replacePasswordHash } from '../../src/records/accounts/account-password-store.ts'
import { startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

t.test('a password that is changed while it is being checked signs nobody in', async (t) => {
  const idp = await startSignet(t)
  const { database, passwords } = idp.signet
  const person = await idp.person()
  const { rows } = await database.query<{ secret: string }>({
    text: 'SELECT secret FROM account_credentials WHERE sub = $1',
    values: [person.sub],
  })
  const old = rows[0]?.secret ?? ''
  await replacePasswordHash(
    database,
    person.sub,
    old,
    await passwords.hash('another long password', { network: undefined }),
  )
  t.notOk(await lockPassword(database, person.sub, old))
  t.notOk(await replacePasswordHash(database, person.sub, old, old), 'nor does a rehash restore it')
})

t.test('a hash with other parameters is renewed at the next sign-in', async (t) => {
  const idp = await startSignet(t)
  const { database, passwords } = idp.signet
  const person = await idp.person()
  // The person's password, hashed by argon2id with one pass.
  const { default: argon2 } = await import('argon2')
  const weak = await argon2.hash(person.password, { type: argon2.argon2id, memoryCost: 8_192, timeCost: 2 })
  await database.query({
    text: 'UPDATE account_credentials SET secret = $1 WHERE sub = $2',
    values: [weak, person.sub],
  })
  t.ok(passwords.isOutdated(weak))
  await signIn(idp, await idp.client(), { person })
  const { rows } = await database.query<{ secret: string }>({
    text: 'SELECT secret FROM account_credentials WHERE sub = $1',
    values: [person.sub],
  })
  t.notOk(passwords.isOutdated(rows[0]?.secret ?? ''))
})
