import t from 'tap'
import { userOfKeycloak } from '../../src/cli/import/keycloak.ts'
import { type AccountToImport, importAccount } from '../../src/operations/import-account.ts'
import { importClient } from '../../src/operations/import-client.ts'
import { kindOf } from '../../src/records/accounts/password-formats.ts'
import type { Sub } from '../../src/records/ids.ts'
import {
  foreignHashes,
  foreignPassword,
  keycloakCredentials,
  normalized,
  unnormalized,
} from '../support/foreign-hashes.ts'
import { basic, cheapHashing, type Idp, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

const idp = await startSignet(t)
const operator = { kind: 'operator', by: 'test' } as const
const options = { source: 'json', dryRun: false, allowShortSecrets: true }
const ownKind = `$argon2id$v=19$m=${cheapHashing.memoryCost},t=${cheapHashing.timeCost},p=${cheapHashing.parallelism}`

let people = 0

async function imported(idp: Idp, passwordHash: string, more: Partial<AccountToImport> = {}) {
  const username = `imported.${++people}`
  const sub = `old-system|${people}`
  const item = {
    ...{ sub, profile: { username }, email: `${username}@people.example`, emailVerified: true },
    ...{ disabled: false, passwordHash, ...more },
  }
  const outcome = await importAccount(idp.signet, operator, item, options)
  t.equal(outcome.outcome, 'imported')
  return { sub: sub as Sub, username, email: `${username}@people.example` }
}

async function storedFor(sub: string) {
  const { rows } = await idp.signet.database.query<{ secret: string; imported: boolean }>({
    text: 'SELECT secret, imported FROM account_credentials WHERE sub = $1',
    values: [sub],
  })
  return rows[0]!
}

async function remaining(kind: string): Promise<number | undefined> {
  const { rows } = await idp.signet.database.query<{ remaining: number }>({
    text: 'SELECT remaining FROM imported_passwords WHERE kind = $1',
    values: [kind],
  })
  return rows[0]?.remaining
}

t.test('a disabled person cannot sign in with the old password', async (t) => {
  const { hash, password } = foreignHashes['scrypt']!
  const person = await imported(idp, hash, { disabled: true })
  const page = await idp.browser().get('/sign-in')
  t.equal(page.status, 200)
  const browser = idp.browser()
  const answer = await browser.submit(await browser.get('/sign-in'), 'sign-in', { username: person.username, password })
  t.equal(answer.status, 403)
})

t.test('people sign in with the password and the sub of their old system, and the hash becomes ours', async (t) => {
  const client = await idp.client()
  const all = { ...foreignHashes, unnormalized, normalized }
  for (const [name, { hash, password }] of Object.entries(all)) {
    const person = await imported(idp, hash)
    const before = await storedFor(person.sub)
    const kind = kindOf(before.secret)
    const left = (await remaining(kind)) ?? 0
    t.equal(before.imported, true, name)

    const browser = idp.browser()
    const wrong = { username: person.username, password: `${password}!` }
    t.equal((await browser.submit(await browser.get('/sign-in'), 'sign-in', wrong)).status, 403, name)
    t.same(await storedFor(person.sub), before, `${name}: a wrong password changes nothing`)

    const { redeem } = await signIn(idp, client, { person: { ...person, password } })
    const { body } = await redeem()
    const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1], 'base64url').toString())
    t.equal(claims.sub, person.sub, name)
    const after = await storedFor(person.sub)
    t.match({ kind: kindOf(after.secret), imported: after.imported }, { kind: ownKind, imported: false }, name)
    t.equal(await remaining(kind), left - 1, name)
    await signIn(idp, client, { person: { ...person, password } })
    t.equal((await storedFor(person.sub)).secret, after.secret, `${name}: replaced once`)
  }
})

t.test('passwords of a Keycloak realm work', async (t) => {
  const client = await idp.client()
  for (const [algorithm, credential] of Object.entries(keycloakCredentials)) {
    const username = `realm.${algorithm}`
    const found = userOfKeycloak({ id: `realm-${algorithm}`, username, enabled: true, credentials: [credential] })
    if (found.kind !== 'import') throw new Error(found.reason)
    t.match(await importAccount(idp.signet, operator, found.item, options), { outcome: 'imported' }, algorithm)
    const password = algorithm === 'argon2' ? 'password' : foreignPassword
    const person = { sub: found.item.sub as Sub, username, email: '', password }
    t.ok((await signIn(idp, client, { person })).code, algorithm)
    t.equal(kindOf((await storedFor(person.sub)).secret), ownKind, algorithm)
  }
})

t.test('a sign-up with the address and the old password signs in to the imported account', async (t) => {
  const { hash, password } = foreignHashes['PBKDF2 of Django']!
  const person = await imported(idp, hash)
  const browser = idp.browser()
  const form = { name: '', email: person.email, password }
  const answer = await browser.submit(await browser.get('/sign-up'), 'sign-up', form)
  t.equal(answer.status, 303)
  t.match(await storedFor(person.sub), { imported: false })
  const { rowCount } = await idp.signet.database.query({
    text: 'SELECT FROM account_emails WHERE email = $1',
    values: [person.email],
  })
  t.equal(rowCount, 1, 'no second account')
})

t.test('the account page replaces the hash when the password is proven there', async (t) => {
  const person = await idp.person()
  const browser = idp.browser()
  await signIn(idp, await idp.client(), { person, browser })
  const { hash, password } = foreignHashes['bcrypt $2y$']!
  await idp.signet.database.query({
    text: 'UPDATE account_credentials SET secret = $2 WHERE sub = $1',
    values: [person.sub, hash.replace('$2y$', '$2b$')],
  })
  const { provePassword } = await import('../../src/operations/prove-password.ts')
  const actor = {
    ...({ kind: 'person', sub: person.sub } as const),
    caller: { requestId: 'request', network: '127.0.0.1' },
  }
  const proving = { browserDigest: Buffer.alloc(32), requester: { network: '127.0.0.1' } }
  t.equal(await provePassword(idp.signet, actor, proving, 'wrong'), undefined)
  const proven = await provePassword(idp.signet, actor, proving, password)
  t.equal(kindOf(proven ?? ''), ownKind)
  t.equal((await storedFor(person.sub)).secret, proven)
})

t.test('a client authenticates with the client_id and the secrets of its old system', async (t) => {
  const secrets = ['short-secret', 'a secret of another system: 0123456789 %+']
  const item = {
    ...{ clientId: 'https://old.example/app', secrets, unknownScopes: 'refused' as const },
    metadata: { grant_types: ['client_credentials'], client_name: 'Old' },
  }
  t.match(await importClient(idp.signet, operator, item, options), { outcome: 'imported' })
  const form = { grant_type: 'client_credentials' }
  const ask = (secret: string) =>
    fetch(`${idp.issuer}/token`, {
      method: 'POST',
      headers: { authorization: basic(item.clientId, secret) },
      body: new URLSearchParams(form),
    })
  for (const secret of secrets) t.equal((await ask(secret)).status, 200, secret)
  t.equal((await ask('short-secre')).status, 401)
})

t.test('an imported client without a secret cannot authenticate, not even without one', async (t) => {
  const item = {
    ...{ clientId: 'no-secret', secrets: [], unknownScopes: 'refused' as const },
    metadata: { grant_types: ['client_credentials'] },
  }
  t.match(await importClient(idp.signet, operator, item, options), { outcome: 'imported', without: 'secret' })
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'no-secret' })
  for (const headers of [{}, { authorization: basic('no-secret', '') }, { authorization: basic('no-secret', 'x') }]) {
    const response = await fetch(`${idp.issuer}/token`, { method: 'POST', headers, body })
    t.match(await response.json(), { error: 'invalid_client' })
  }
})
