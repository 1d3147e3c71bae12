import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import type { FetchedDocument } from '../../../src/platform/outgoing/document-cache.ts'
import type { Outgoing } from '../../../src/platform/outgoing/outgoing.ts'
import { OutgoingRequestFailed } from '../../../src/platform/outgoing-request.ts'
import { ClientKeysUnavailable, createClientKeySets } from '../../../src/records/clients/client-keys.ts'

const jwkOf = (kid: string, more: object = {}) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  ...{ kid, kty: 'EC', ...more },
})
const [one, two, encryption] = [jwkOf('one'), jwkOf('two'), jwkOf('encryption', { use: 'enc' })]
const { d: secretHalf } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })

const document = (body: unknown): FetchedDocument => ({
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  contentType: 'application/json',
  freshness: 300,
})

/** Has one document in its cache, and gives another one to whoever asks for a fresh one. */
function fakeOutgoing(cached: FetchedDocument | Error, fresh: FetchedDocument | Error = cached) {
  const asked: boolean[] = []
  const lanes: (boolean | undefined)[] = []
  const outgoing: Outgoing = {
    post: async () => 404,
    get: async (_url, options) => {
      asked.push(options.fresh === true)
      lanes.push(options.isVouchedFor)
      const answer = options.fresh ? fresh : cached
      if (answer instanceof Error) throw answer
      return answer
    },
  }
  return { asked, lanes, keySets: createClientKeySets(outgoing, (host) => host === 'keys.example') }
}

const client = { jwks: undefined, jwks_uri: 'https://keys.example/jwks', isSelfRegistered: false }
const kidsOf = ({ keys }: { keys: readonly Record<string, unknown>[] }) => keys.map(({ kid }) => kid)
const failure = (answer: Promise<unknown>) =>
  answer.then(
    (value) => t.fail(`no failure, but ${JSON.stringify(value)}`),
    (error: unknown) => {
      if (!(error instanceof ClientKeysUnavailable)) throw error
      return error.message
    },
  )

t.test('private and symmetric keys are never used, and a set that has nothing else is refused', async (t) => {
  const hostile = [
    { ...one, d: secretHalf },
    { kty: 'oct', k: 'c2VjcmV0', kid: 'symmetric' },
  ]
  const { keySets } = fakeOutgoing(document({ keys: [...hostile, two] }))
  t.same(kidsOf(await keySets.keysOf(client, 'two')), ['two'])
  for (const key of hostile)
    t.match(
      await failure(fakeOutgoing(document({ keys: [key] })).keySets.keysOf(client, 'one')),
      /private or symmetric key/,
    )
})

t.test('keys for encryption and of unknown kinds are left out', async (t) => {
  const others = [encryption, { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA', kid: 'later' }, { kty: '__proto__' }, null, 1]
  const { keySets } = fakeOutgoing(document({ keys: [...others, one] }))
  t.same(await keySets.keysOf(client, undefined), { keys: [one] })
})

t.test('what is no JWK Set is refused', async (t) => {
  const cases: [unknown, RegExp][] = [
    ['', /it is not JSON/],
    ['[]', /not a JSON object/],
    ['{"keys":[],"keys":[]}', /it has a member twice/],
    [{}, /must lead to a JWK Set/],
    [{ keys: {} }, /must lead to a JWK Set/],
    [{ keys: [] }, /without a key/],
    [{ keys: Array.from({ length: 51 }, () => one) }, /at most 50 keys/],
    [{ keys: [encryption] }, /not for signatures/],
  ]
  for (const [body, message] of cases)
    t.match(await failure(fakeOutgoing(document(body)).keySets.keysOf(client, 'one')), message)
})

t.test('an unknown kid asks for a fresh set once, a known one does not', async (t) => {
  const { keySets, asked } = fakeOutgoing(document({ keys: [one] }), document({ keys: [one, two] }))
  t.same(kidsOf(await keySets.keysOf(client, 'one')), ['one'])
  t.same(asked, [false])
  t.same(kidsOf(await keySets.keysOf(client, 'two')), ['one', 'two'])
  t.same(asked, [false, false, true])
})

t.test('if the fresh set cannot be fetched, the older one is used', async (t) => {
  const { keySets } = fakeOutgoing(document({ keys: [one] }), new OutgoingRequestFailed('it is down'))
  t.same(kidsOf(await keySets.keysOf(client, 'two')), ['one'])
})

t.test('a set that cannot be read is fetched again', async (t) => {
  const { keySets } = fakeOutgoing(document('broken'), document({ keys: [one] }))
  t.same(kidsOf(await keySets.keysOf(client, 'one')), ['one'])
})

t.test('a set is read once, and not again for each request', async (t) => {
  const { keySets } = fakeOutgoing(document({ keys: [one] }))
  t.equal(await keySets.keysOf(client, 'one'), await keySets.keysOf(client, 'one'))
})

t.test('registered keys are used as they are', async (t) => {
  const { keySets, asked } = fakeOutgoing(new Error('is not asked'))
  const jwks = { keys: [one] }
  t.equal(await keySets.keysOf({ ...client, jwks, jwks_uri: undefined }, 'two'), jwks)
  t.same(asked, [])
})

t.test('a failure is one of the keys, with the reason for the operator', async (t) => {
  const { keySets } = fakeOutgoing(new OutgoingRequestFailed('the response has the status 404'))
  t.equal(
    await failure(keySets.keysOf(client, 'one')),
    'jwks_uri could not be fetched: the response has the status 404',
  )
  t.match(await failure(keySets.keysOf({ ...client, jwks_uri: undefined }, 'one')), /neither jwks nor jwks_uri/)
})

t.test('keys at a host that the operator has named do not wait for those that anybody names', async (t) => {
  const { keySets, lanes } = fakeOutgoing(document({ keys: [two] }))
  const from = { digest: '00', expiresAt: 0 }
  const elsewhere = 'https://elsewhere.example/jwks'
  for (const one of [
    client,
    { ...client, isSelfRegistered: true },
    { ...client, isSelfRegistered: true, document: from },
    { ...client, isSelfRegistered: true, document: from, jwks_uri: elsewhere },
  ])
    await keySets.keysOf(one, 'two')
  t.same(lanes, [true, false, true, false])
})
