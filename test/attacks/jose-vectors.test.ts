import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createVerifier, importVerificationKey, VerificationError } from 'signet-idp/verify'
import t from 'tap'
import { accessTokenAlgorithms, signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { randomText } from '../../src/platform/secrets/digest.ts'
import type { ClientJwks } from '../../src/records/clients/client.ts'
import { basic, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { issuerKeys } from './issuer-keys.ts'
import { cubeRoots, otherS, signatureNumbers } from './jose-numbers.ts'
import { doubledMembers, shapes, signedHeaders, signedPayloads, spellings } from './jose-texts.ts'
import {
  type Json,
  keyedWithPublicKey,
  newKey,
  publicJwk,
  signWith,
  type TrustedKey,
  unsigned,
  type Vector,
  withForgersKey,
} from './jose-vectors.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm } from './send.ts'

/** A party that verifies JWTs, and the keys whose public half it trusts. */
interface Checker {
  readonly typ: string
  readonly keys: readonly TrustedKey[]
  /** Claims that would be accepted, with their own `jti`. */
  readonly claims: (key: TrustedKey) => Json
  /** The outcome for a token: `refused` (correct), `accepted`, or what is wrong with the response. */
  readonly present: (token: string) => Promise<string>
}

const idp = await startSignet(t)
await idp.resource('https://api.example', ['api:read'])
const forgers = await forgersServer()
const issuers = await issuerKeys(idp)
const client = await idp.client()
const journey = await signIn(idp, client)
const tokens = (await journey.redeem()).body as { access_token: string; id_token: string }
const verifier = createVerifier({ issuer: idp.issuer, audience: idp.issuer })

/** A server of the attacker's, from which nobody may fetch a key. */
async function forgersServer() {
  const visits: string[] = []
  const server = createServer((request, response) => {
    visits.push(request.url ?? '')
    response.end('{"keys":[]}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
  })
  return { visits, set: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json` }
}

const accessClaims = () => ({
  ...(JSON.parse(Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString()) as Json),
  jti: randomText(8),
})

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const presentAssertion = (assertion: string) => {
  const form = { grant_type: 'client_credentials', client_assertion_type: assertionType, client_assertion: assertion }
  return postForm(idp, '/token', new URLSearchParams(form).toString())
}

/** Clients that authenticate with a key, and the means to act as one of them. */
async function clientsWithKeys(keys: readonly TrustedKey[]) {
  const ids = new Map<TrustedKey, string>()
  for (const key of keys) {
    const registered = await idp.client({
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['client_credentials'],
      scope: 'api:read',
      resources: ['https://api.example'],
      jwks: { keys: [publicJwk(key) as ClientJwks['keys'][number]] },
    })
    ids.set(key, registered.client_id)
  }
  return {
    idOf: (key: TrustedKey) => ids.get(key) ?? '',
    claims: (key: TrustedKey): Json => {
      const now = Math.floor(Date.now() / 1000)
      const id = ids.get(key)
      return { iss: id, sub: id, aud: idp.issuer, jti: randomText(8), iat: now, exp: now + 60 }
    },
  }
}

const cubic = newKey('cubic', 'RS256', 3)
const clientKeys = [newKey('client-ec', 'ES256'), newKey('client-rsa', 'RS256'), cubic]
const clients = await clientsWithKeys(clientKeys)

const checkers: Record<string, Checker> = {
  '/userinfo': {
    typ: 'at+jwt',
    keys: accessTokenAlgorithms.map((alg) => issuers[alg]),
    claims: accessClaims,
    present: async (token) => {
      const answer = await postForm(idp, '/userinfo', `access_token=${encodeURIComponent(token)}`)
      if (answer.status === 200) return 'accepted'
      return isRefusal(token, answer, 'invalid_token')
    },
  },
  'the published verifier': {
    typ: 'at+jwt',
    keys: accessTokenAlgorithms.map((alg) => issuers[alg]),
    claims: accessClaims,
    present: (token) =>
      verifier.verify(token).then(
        () => 'accepted',
        (error: unknown) => (error instanceof VerificationError ? 'refused' : String(error)),
      ),
  },
  'client authentication': {
    typ: 'JWT',
    keys: clientKeys.slice(0, 2),
    claims: clients.claims,
    present: async (assertion) => {
      const answer = await presentAssertion(assertion)
      if (answer.status === 200) return 'accepted'
      return isRefusal(assertion, answer, 'invalid_client')
    },
  },
}

/** A parameter with a line end is refused before it is parsed as a token. */
function isRefusal(token: string, answer: Answer, code: string): string {
  const [faults, error] = [faultsOf(answer), answer.json?.['error']]
  if (faults.length > 0) return faults.join(', ')
  const right = /[\t\r\n]/.test(token) ? [400, 'invalid_request'] : [code === 'invalid_client' ? 400 : 401, code]
  return answer.status === right[0] && error === right[1] ? 'refused' : `${answer.status} ${String(error)}`
}

const good = (key: TrustedKey, { typ, claims }: Checker) =>
  signWith(key, { alg: key.alg, typ, kid: key.kid }, claims(key))

for (const [who, checker] of Object.entries(checkers))
  for (const key of checker.keys)
    t.test(`${who}, trusting a key for ${key.alg}`, async (t) => {
      const { typ, present } = checker
      const claims = () => checker.claims(key)
      const refused = async (kind: string, vectors: readonly Vector[]) => {
        const wrong: Vector[] = []
        for (const [name, token] of vectors) {
          const outcome = await present(token)
          if (outcome !== 'refused') wrong.push([name, outcome])
        }
        t.same(wrong, [], `refuses ${kind}: all ${vectors.length}`)
      }
      t.equal(await present(good(key, checker)), 'accepted', 'accepts a good token')
      await refused('alg none, in every spelling', unsigned(key, typ, claims))
      await refused('HMACs keyed with the public key', keyedWithPublicKey(key, typ, claims))
      await refused('keys that belong to the forger', withForgersKey(key, typ, claims, forgers.set))
      await refused('signatures with bad numbers', signatureNumbers(key, typ, claims))
      await refused('other shapes of a token', shapes(good(key, checker)))
      await refused('headers signed by the key that must be refused', signedHeaders(key, typ, claims, forgers.set))
      await refused('payloads signed by the key that are not valid claims', signedPayloads(key, typ, claims))
      if (who !== 'client authentication') {
        await refused('a duplicate member, whichever is the good one', doubledMembers(key, typ, claims))
        await refused('other spellings of the signature', spellings(good(key, checker)))
      }
      t.equal(await present(good(key, checker)), 'accepted', 'and then still accepts a good token')
      t.same(forgers.visits, [], "no key was fetched from the forger's addresses")
    })

t.test("no access token is accepted that Signet's own keys of other algorithms signed", async (t) => {
  for (const alg of signingAlgorithms.filter((one) => !accessTokenAlgorithms.some((other) => other === one)))
    for (const [header, claimed] of [
      ...accessTokenAlgorithms.map((one) => [{ alg: one, typ: 'at+jwt', kid: issuers[alg].kid }, one] as const),
      [{ alg, typ: 'at+jwt', kid: issuers[alg].kid }, alg] as const,
    ]) {
      const token = signWith(issuers[alg], header, accessClaims())
      t.equal(await checkers['/userinfo']?.present(token), 'refused', `${alg} as ${claimed} at userinfo`)
      t.equal(await checkers['the published verifier']?.present(token), 'refused', `${alg} as ${claimed} at a service`)
    }
})

t.test('with a public exponent of 3, a cube root of the visible part is not accepted as a signature', async (t) => {
  const imported = importVerificationKey(publicJwk(cubic))
  const trusting = createVerifier({ issuer: idp.issuer, audience: idp.issuer, keys: () => imported })
  const header = { alg: 'RS256', typ: 'at+jwt', kid: cubic.kid }
  t.match(await trusting.verify(signWith(cubic, header, accessClaims())), { aud: idp.issuer }, 'the key itself works')
  for (const [name, token] of cubeRoots(cubic, 'at+jwt', accessClaims))
    await t.rejects(trusting.verify(token), { code: 'bad_signature' }, name)
  const claims = () => clients.claims(cubic)
  for (const [name, assertion] of cubeRoots(cubic, 'JWT', claims))
    t.match(await presentAssertion(assertion), { status: 400, json: { error: 'invalid_client' } }, name)
  t.equal((await presentAssertion(signWith(cubic, { alg: 'RS256', kid: cubic.kid }, claims()))).status, 200)
})

/*
 * Anyone with a good ECDSA signature (r, s) can make another, (r, n - s): it is valid, and RFC 7518 §3.4 does not require a low s. That is
 * safe as long as nothing depends on a token's exact text: a token is revoked with its grant, and an assertion is recognised by its jti.
 */
t.test('the other s of a good signature gives another text, but not another token', async (t) => {
  const twin = otherS(tokens.access_token)
  t.not(twin, tokens.access_token)
  t.same(await verifier.verify(twin), await verifier.verify(tokens.access_token), 'a service reads the same from it')

  const authorization = basic(client.client_id, client.secret ?? '')
  const post = async (path: string, token: string) => postForm(idp, path, `token=${token}`, { authorization })
  const userinfo = async (token: string) => (await postForm(idp, '/userinfo', `access_token=${token}`)).status
  const [first, second] = [await post('/introspect', tokens.access_token), await post('/introspect', twin)]
  t.match(second.json, { active: true, jti: first.json?.['jti'] })
  t.same(second.json, first.json)
  t.equal(await userinfo(twin), 200)
  t.equal((await post('/revoke', tokens.access_token)).status, 200)
  t.same((await post('/introspect', twin)).json, { active: false }, 'revoked together with the original')
  t.equal(await userinfo(twin), 401)
})

/*
 * jose's base64url decoder accepts more than RFC 7515 §2 allows, and JSON.parse takes the last of two duplicate members. Neither may let
 * anyone act as another client, or use one assertion twice.
 */
t.test('an assertion is accepted once, in any spelling', async (t) => {
  for (const key of clientKeys) {
    const assertion = signWith(key, { alg: key.alg, kid: key.kid }, clients.claims(key))
    const others = spellings(assertion)
    if (key.alg === 'ES256') others.push(['the other s', otherS(assertion)])
    t.equal((await presentAssertion(assertion)).status, 200)
    for (const [name, spelt] of others)
      t.equal(isRefusal(spelt, await presentAssertion(spelt), 'invalid_client'), 'refused', `${key.kid}: ${name}`)
  }
  const [key] = clientKeys as [TrustedKey, ...TrustedKey[]]
  const assertion = signWith(key, { alg: key.alg, kid: key.kid }, clients.claims(key))
  const all = [assertion, otherS(assertion), ...spellings(assertion).map(([, spelt]) => spelt)]
  const answers = await Promise.all(all.reverse().map(presentAssertion))
  t.equal(answers.filter(({ status }) => status === 200).length, 1, 'the other spellings first, and all at once')
})

t.test(
  'an assertion is for this issuer only and for at most ten minutes, however the numbers are written',
  async (t) => {
    const [key] = clientKeys as [TrustedKey, ...TrustedKey[]]
    const soon = Math.floor(Date.now() / 1000) + 60
    const present = async (name: string, value: string) => {
      const { [name]: _, ...others } = clients.claims(key)
      const payload = `${JSON.stringify(others).slice(0, -1)},"${name}":${value}}`
      const answer = await presentAssertion(signWith(key, { alg: key.alg, kid: key.kid }, payload))
      t.same(faultsOf(answer), [], `${name} ${value}`)
      return answer.status
    }
    for (const [name, value] of [
      ['aud', JSON.stringify([idp.issuer, 'https://other.example'])],
      ['aud', JSON.stringify(['https://other.example', idp.issuer])],
      ['aud', JSON.stringify(`${idp.issuer}/`)],
      ['exp', '1e308'],
      ['exp', '99999999999'],
      ['exp', `${soon + 3600}.5`],
      ['exp', `${soon * 1000}`],
      ['exp', '253402300800'],
    ] as const)
      t.equal(await present(name, value), 400, `${name} ${value}`)
    for (const [name, value] of [
      ['exp', `${soon}.000001`],
      ['exp', `${soon}e0`],
      ['exp', `${soon}0e-1`],
      ['iat', '-1e308'],
      ['iat', '0.5'],
    ] as const)
      t.equal(await present(name, value), 200, `${name} ${value}`)
  },
)

t.test('with a duplicate member, an assertion is valid only for the client whose key has signed it', async (t) => {
  const [key, others] = clientKeys as [TrustedKey, TrustedKey]
  const [own, victim] = [clients.idOf(key), clients.idOf(others)]
  const signed = (payload: string) => signWith(key, { alg: key.alg, kid: key.kid }, payload)
  const twice = (...members: string[]) => JSON.stringify(clients.claims(key)).replace('{', `{${members.join(',')},`)
  const last = (...members: string[]) => JSON.stringify(clients.claims(key)).replace('}', `,${members.join(',')}}`)
  const name = (member: string, value: string) => `"${member}":${JSON.stringify(value)}`
  const payloads = [
    twice(name('sub', victim), name('iss', victim)),
    twice(name('sub', victim)),
    last(name('sub', victim), name('iss', victim)),
    last(name('sub', victim)),
    last(name('iss', victim)),
    last('"__proto__":{}'),
    twice(`"__proto__":{${name('sub', victim)}}`),
    ...['exp', 'jti', 'aud'].map((member) => twice(name(member, 'x'))),
  ]
  for (const payload of payloads) {
    const answer = await presentAssertion(signed(payload))
    t.same(faultsOf(answer), [])
    t.ok([200, 400].includes(answer.status))
    if (answer.status !== 200) continue
    const { claims } = readToken(answer.json?.['access_token'])
    t.match(claims, { client_id: own, sub: own }, payload)
  }
  for (const [what, assertion] of doubledMembers(key, 'JWT', () => clients.claims(key)))
    t.same(faultsOf(await presentAssertion(assertion)), [], what)
  const lastExp = signed(last(`"exp":${Math.floor(Date.now() / 1000) - 600}`))
  t.equal(
    (await presentAssertion(lastExp)).status,
    400,
    'of two expiries, the one that is used is the one that is checked',
  )
})

function readToken(token: unknown): { claims: Json } {
  return { claims: JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString()) as Json }
}
