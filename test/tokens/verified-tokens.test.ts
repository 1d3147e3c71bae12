import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import t from 'tap'
import type { AccessTokenAlgorithm } from '../../src/platform/jwt/algorithms.ts'
import { createVerifiedTokens } from '../../src/tokens/verified-tokens.ts'

interface Published {
  readonly alg: AccessTokenAlgorithm
  readonly key: KeyObject
}

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** A key ring with one key, `one`, whose published keys the test changes. */
function ring() {
  const { privateKey, publicKey } = pair()
  const published = new Map<string, Published>([['one', { alg: 'ES256', key: publicKey }]])
  return { privateKey, publicKey, published, accessTokenKey: (kid: string) => published.get(kid) }
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function mint(key: KeyObject, claims: object, header: object = {}): string {
  const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'one', ...header })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

t.test('a token is verified once, as long as its key stays', async (t) => {
  const keys = ring()
  const tokens = createVerifiedTokens(keys)
  const token = mint(keys.privateKey, { jti: 'a', groups: ['x'] })
  const claims = await tokens.claimsOf(token)
  t.same(claims, { jti: 'a', groups: ['x'] })
  t.equal(await tokens.claimsOf(token), claims, 'the same object')
})

t.test('a changed signature, header or payload of a remembered token is refused', async (t) => {
  const keys = ring()
  const tokens = createVerifiedTokens(keys)
  const token = mint(keys.privateKey, { jti: 'a', scope: 'read' })
  await tokens.claimsOf(token)
  const [header = '', payload = '', signature = ''] = token.split('.')
  const another = mint(keys.privateKey, { jti: 'b', scope: 'write' }).split('.')
  for (let bit = 0; bit < 512; bit++) {
    const bytes = Buffer.from(signature, 'base64url')
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    await t.rejects(tokens.claimsOf(`${header}.${payload}.${bytes.toString('base64url')}`), { code: 'bad_signature' })
  }
  const forged: [what: string, token: string][] = [
    ['other claims', `${header}.${encode({ jti: 'a', scope: 'admin' })}.${signature}`],
    ['the claims of another token', `${header}.${another[1]}.${signature}`],
    ['the signature of another token', `${header}.${payload}.${another[2]}`],
    ['no signature', `${header}.${payload}.`],
    ['alg none', `${encode({ alg: 'none', typ: 'at+jwt', kid: 'one' })}.${payload}.${signature}`],
    ['another kid', `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'two' })}.${payload}.${signature}`],
    ['a space at the end', `${token} `],
    ['padding', `${token}=`],
    ['a fourth part', `${token}.`],
    ['a lone surrogate at the end', `${token}\ud800`],
    ['a NUL at the end', `${token}\0`],
    ['the token twice', `${token}${token}`],
  ]
  for (const [what, presented] of forged)
    await t.rejects(tokens.claimsOf(presented), { name: 'VerificationError' }, what)
  t.match(await tokens.claimsOf(token), { jti: 'a' }, 'the token itself is still good')
})

t.test('a token of another type is refused, also if it was refused before', async (t) => {
  const keys = ring()
  const tokens = createVerifiedTokens(keys)
  const claims = { jti: 'a' }
  await tokens.claimsOf(mint(keys.privateKey, claims))
  for (const typ of ['JWT', 'logout+jwt', 'at+jwt2', undefined]) {
    const token = mint(keys.privateKey, claims, { typ })
    for (let time = 0; time < 2; time++) await t.rejects(tokens.claimsOf(token), { code: 'wrong_type' }, String(typ))
  }
})

t.test('a key that is no longer accepted ends its tokens at once', async (t) => {
  const keys = ring()
  const tokens = createVerifiedTokens(keys)
  const token = mint(keys.privateKey, { jti: 'a' })
  await tokens.claimsOf(token)
  const own = keys.published.get('one')
  keys.published.clear()
  await t.rejects(tokens.claimsOf(token), { code: 'unknown_key' }, 'revoked or retired')
  if (own) keys.published.set('one', own)
  t.match(await tokens.claimsOf(token), { jti: 'a' }, 'published again')
})

t.test('a token is not accepted because another key has the name of its key', async (t) => {
  const keys = ring()
  const tokens = createVerifiedTokens(keys)
  const token = mint(keys.privateKey, { jti: 'a' })
  await tokens.claimsOf(token)
  keys.published.set('one', { alg: 'ES256', key: pair().publicKey })
  await t.rejects(tokens.claimsOf(token), { code: 'bad_signature' })
  await t.rejects(tokens.claimsOf(token), { code: 'bad_signature' }, 'nor the second time')
  keys.published.set('one', { alg: 'RS256', key: keys.publicKey })
  await t.rejects(tokens.claimsOf(token), { code: 'algorithm_mismatch' }, 'nor if the key is now for another algorithm')
})

t.test('a refused token is not remembered', async (t) => {
  const keys = ring()
  const tokens = createVerifiedTokens(keys)
  const later = pair()
  const token = mint(later.privateKey, { jti: 'a' }, { kid: 'two' })
  await t.rejects(tokens.claimsOf(token), { code: 'unknown_key' })
  keys.published.set('two', { alg: 'ES256', key: later.publicKey })
  t.match(await tokens.claimsOf(token), { jti: 'a' }, 'its key was published in the meantime')
})

t.test('nobody can change the claims that others get', async (t) => {
  const keys = ring()
  const tokens = createVerifiedTokens(keys)
  const token = mint(keys.privateKey, { jti: 'a', scope: 'read' })
  const claims = (await tokens.claimsOf(token)) as Record<string, unknown>
  t.throws(() => {
    claims['scope'] = 'admin'
  }, TypeError)
  t.match(await tokens.claimsOf(token), { scope: 'read' })
})

t.test('a flood of different tokens pushes out those used least recently, by their size', async (t) => {
  const keys = ring()
  const small = (jti: number) => mint(keys.privateKey, { jti: String(1_000 + jti) })
  const tokens = createVerifiedTokens(keys, 10 * small(0).length)
  const own = small(0)
  const claimsOfOwn = await tokens.claimsOf(own)
  const flood = []
  for (let index = 1; index <= 100; index++) {
    const token = small(index)
    flood.push({ token, claims: await tokens.claimsOf(token) })
    t.equal(await tokens.claimsOf(own), claimsOfOwn, 'one that is used again and again stays')
  }
  for (const { token, claims } of flood.slice(-9)) t.equal(await tokens.claimsOf(token), claims, 'a new one')
  const [first] = flood
  t.not(first && (await tokens.claimsOf(first.token)), first?.claims, 'an old one is verified again')
  const large = mint(keys.privateKey, { jti: 'large', filler: 'x'.repeat(4_000) })
  const once = await tokens.claimsOf(large)
  t.not(await tokens.claimsOf(large), once, 'one that is larger than all of the memory is not kept')
})
