import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createVerifier, importVerificationKey, VerificationError } from 'signet-idp/verify'
import t from 'tap'
import { jsonObjectOf } from '../../src/cli/doctor/http-request.ts'
import { jsonValue } from '../../src/cli/flags.ts'
import { readPrivateKey, UnusableKey } from '../../src/key-ring/import-key.ts'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { readAddress } from '../../src/records/accounts/profile-rules.ts'
import type { ClientJwks } from '../../src/records/clients/client.ts'
import { basic, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { encode, newKey, publicJwk, signWith } from './jose-vectors.ts'
import { faultsOf } from './plain-answer.ts'
import { postForm, send } from './send.ts'

/** The maximum depth of JSON from outside, and the maximum length of a token's header, in characters. */
const deepest = 32
const longestHeader = 1024

const lists = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
const members = (count: number) => `{${Array.from({ length: count }, (_, index) => `"m${index}":0`).join(',')}}`

const values: Record<string, string> = {
  'lists within lists': lists(5_000),
  'objects within objects': objects(1_800),
  'lists within lists, a little too deep': lists(deepest),
  'objects within objects, a little too deep': objects(deepest),
  'lists that do not close': '['.repeat(10_000),
  'a list of many': `[${Array(5_000).fill('1').join(',')}]`,
  'an object with many members': members(1_200),
  'a long string': `"${'x'.repeat(10_000)}"`,
  'a long string of escapes': `"${'\\u0041'.repeat(1_700)}"`,
  'a list of strings that look like brackets': `["${'['.repeat(900)}"]`,
  'a small list': '[["at+jwt"]]',
  'a small object': '{"a":{"b":[]}}',
  'a long number': '1'.repeat(800),
}

/** Headers in which one member has a hostile value, and tokens that cannot be parsed. */
function hostileTokens(
  typ: string,
  kid: string,
  payload: string,
  names: readonly string[] = ['typ', 'alg'],
): Record<string, string> {
  const good: Record<string, string> = { alg: '"ES256"', typ: `"${typ}"`, kid: JSON.stringify(kid) }
  const tokens: Record<string, string> = {}
  for (const name of names)
    for (const [what, value] of Object.entries(values)) {
      const header = Object.entries({ ...good, [name]: value }).map(([member, text]) => `"${member}":${text}`)
      tokens[`${name}: ${what}`] = `${encode(`{${header.join(',')}}`)}.${payload}.${'A'.repeat(86)}`
    }
  return {
    ...tokens,
    'a header that is nothing but brackets': `${encode('['.repeat(700))}.${payload}.AA`,
    'a header that is nothing but quotes': `${encode(`{${'"":"",'.repeat(120)}`)}.${payload}.AA`,
    'nothing but dots': '.'.repeat(4_000),
    'a payload of brackets': `${encode(`{${Object.entries(good).map(([name, text]) => `"${name}":${text}`)}}`)}.${encode('['.repeat(2_900))}.${'A'.repeat(86)}`,
  }
}

const key = newKey('own', 'ES256')
const imported = importVerificationKey(publicJwk(key))
const [issuer, audience] = ['https://id.example', 'https://api.example']
const verifier = createVerifier({ issuer, audience, keys: ({ kid }) => (kid === 'own' ? imported : undefined) })
const now = Math.floor(Date.now() / 1000)
const claims = { iss: issuer, aud: audience, sub: 'x', client_id: 'c', jti: 'j', iat: now, exp: now + 600 }

t.test('whatever an unverified header contains, the verifier refuses it with a short message', async (t) => {
  const names = ['typ', 'alg', 'kid', 'crit', 'x']
  for (const [what, token] of Object.entries(hostileTokens('at+jwt', 'own', encode(claims), names))) {
    const error: unknown = await verifier.verify(token).catch((error: unknown) => error)
    t.ok(error instanceof VerificationError, `${what}: ${error}`)
    t.match(error, { message: /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,300}$/ }, what)
  }
})

t.test('a header that is longer than any token needs is refused before it is decoded', async (t) => {
  const padded = (length: number) => {
    const header = `{"alg":"ES256","typ":"JWT","x":"${'x'.repeat(length)}"}`
    return { length: encode(header).length, token: `${encode(header)}.${encode(claims)}.AA` }
  }
  const [longest, tooLong] = [padded(734), padded(735)]
  t.equal(longest.length, longestHeader)
  await t.rejects(verifier.verify(longest.token), { code: 'wrong_type' })
  t.ok(tooLong.length > longestHeader)
  await t.rejects(verifier.verify(tooLong.token), { code: 'token_too_large' })
})

t.test('signed contents may be as deep as claims need, but no deeper', async (t) => {
  const signed = (value: string) =>
    signWith(key, { alg: 'ES256', typ: 'at+jwt', kid: 'own' }, JSON.stringify(claims).replace('{', `{"x":${value},`))
  for (const value of [lists(deepest - 1), objects(deepest - 1), `[${'[],'.repeat(500)}"${'['.repeat(500)}"]`])
    t.match(await verifier.verify(signed(value)), { sub: 'x' })
  for (const value of [lists(deepest), objects(deepest), lists(5_000), '['.repeat(5_000)])
    await t.rejects(verifier.verify(signed(value)), { code: 'malformed_token' })
})

t.test('a JWK Set is limited in depth, and has no duplicate members', async (t) => {
  const jwk = JSON.stringify(publicJwk(key))
  const answeredWith = (text: string) =>
    createVerifier({ issuer, audience, fetch: async () => new Response(text), cooldown: 1 }).ready()
  await answeredWith(`{"keys":[${jwk}],"x":${lists(deepest - 1)}}`)
  for (const text of [
    `{"keys":[${jwk}],"x":${lists(deepest)}}`,
    `{"keys":[${jwk}],"x":${lists(100_000)}}`,
    `{"keys":[${jwk},${objects(deepest)}]}`,
    `{"keys":[${jwk.replace('{', `{"key_ops":${lists(60_000)},`)}]}`,
    `{"keys":[],"keys":[${jwk}]}`,
    `{"keys":[${jwk.replace('{', '{"kid":"other",')}]}`,
    '['.repeat(200_000),
  ])
    await t.rejects(answeredWith(text), { code: 'keys_unavailable', message: /^.{1,200}$/ }, text.slice(0, 60))
})

t.test('every endpoint that reads a token refuses a hostile one like any other', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client({ post_logout_redirect_uris: ['https://app.example/bye'] })
  const { browser } = await signIn(idp, client)
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const authorization = basic(client.client_id, client.secret ?? '')
  const [published] = JSON.parse(String(idp.signet.keyRing.jwkSet().body)).keys as { kid: string; alg: string }[]
  const kid = published?.kid ?? ''
  const form = (path: string, values: Record<string, string>) =>
    postForm(idp, path, new URLSearchParams(values).toString(), { authorization })

  for (const [what, token] of Object.entries(hostileTokens('at+jwt', kid, encode(claims)))) {
    const answers = {
      'POST /userinfo': [401, await postForm(idp, '/userinfo', `access_token=${token}`)],
      '/revoke': [200, await form('/revoke', { token })],
      '/introspect': [200, await form('/introspect', { token })],
    } as const
    for (const [where, [status, answer]] of Object.entries(answers)) {
      t.same(faultsOf(answer), [], `${where} ${what}`)
      t.equal(answer.status, status, `${where} ${what}`)
      t.ok(answer.text.length < 600, `${where} ${what}: the response does not repeat the token`)
    }
  }

  for (const [what, hint] of Object.entries(hostileTokens('JWT', kid, encode(claims)))) {
    if (hint.length > 4_000) continue
    const query = new URLSearchParams(authorizationParameters(client, pkce(), { id_token_hint: hint }))
    const authorized = await send(idp, { path: `/authorize?${query}`, headers: { cookie } })
    t.same(faultsOf(authorized), [], `/authorize ${what}`)
    t.match(authorized.location, /error=invalid_request/, `/authorize ${what}`)
    const left = await send(idp, { path: `/logout?${new URLSearchParams({ id_token_hint: hint })}` })
    t.same(faultsOf(left), [], `/logout ${what}`)
    t.equal(left.status, 400, `/logout ${what}`)
  }

  const own = newKey('client-key', 'ES256')
  const machine = await idp.client({
    token_endpoint_auth_method: 'private_key_jwt',
    grant_types: ['client_credentials'],
    jwks: { keys: [publicJwk(own) as ClientJwks['keys'][number]] },
  })
  const assertionClaims = { iss: machine.client_id, sub: machine.client_id, aud: idp.issuer, iat: now, exp: now + 60 }
  const text = JSON.stringify({ ...assertionClaims, jti: 'once' })
  const assertions = {
    ...hostileTokens('JWT', 'client-key', encode(text)),
    ...Object.fromEntries(
      [lists(deepest), objects(deepest), lists(2_500), '['.repeat(5_000)].map((value) => [
        `a payload with ${value.slice(0, 12)}`,
        signWith(own, { alg: 'ES256', kid: 'client-key' }, text.replace('{', `{"x":${value},`)),
      ]),
    ),
  }
  const present = (assertion: string) =>
    postForm(
      idp,
      '/token',
      new URLSearchParams({
        grant_type: 'client_credentials',
        resource: idp.issuer,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      }).toString(),
    )
  for (const [what, assertion] of Object.entries(assertions)) {
    if (assertion.length > 8_192) continue
    const answer = await present(assertion)
    t.same(faultsOf(answer), [], `client_assertion ${what}`)
    t.match(answer, { status: 400, json: { error: 'invalid_client' } }, `client_assertion ${what}`)
  }
  const good = signWith(own, { alg: 'ES256', kid: 'client-key' }, text.replace('{', `{"x":${lists(deepest - 1)},`))
  t.equal((await present(good)).status, 200, 'the same claims are valid with less depth')
})

t.test('JSON from an operator or a person is limited, too', async (t) => {
  const { privateKey } = newKey('x', 'ES256')
  const jwk = JSON.stringify(privateKey.export({ format: 'jwk' }))
  const within = (value: string) => jwk.replace('{', `{"x5c":${value},`)
  t.equal(readPrivateKey(within(lists(deepest - 1))).alg, 'ES256')
  const option = jsonValue('--jwks <json>', 'x')
  t.same(option.parseArg?.(objects(2), undefined), { a: { a: 1 } })
  for (const value of [lists(deepest), objects(deepest), lists(100_000), objects(20_000), '['.repeat(100_000)]) {
    t.throws(() => readPrivateKey(within(value)), UnusableKey)
    t.throws(() => option.parseArg?.(`{"x":${value}}`, undefined), {
      message: /^.{1,200}$/,
      code: 'commander.invalidArgument',
    })
    t.throws(() => readAddress(`{"country":${value}}`), { name: 'InvalidProfile', message: /^.{1,300}$/ })
    t.equal(
      jsonObjectOf({ text: `{"keys":${value}}` }),
      undefined,
      "the response in the issuer's place is not a JSON object",
    )
  }
  t.throws(() => readAddress('{"country":"CH","country":"DE"}'), { name: 'InvalidProfile' }, 'a duplicate member')
})

/** Files that parse JSON which Signet itself has written, sealed or shipped: nobody else controls its depth. */
const ownJson = [
  'src/cli/doctor/examine.ts',
  'src/cli/keys/list-keys.ts',
  'src/interaction/continue-value.ts',
  'src/interaction/pushed-request.ts',
  'src/operations/own-recovery-codes.ts',
  'src/operations/passkey-challenges.ts',
  'src/operations/request-recovery.ts',
  'src/operations/send-mail.ts',
  'src/operations/set-up-totp.ts',
  'src/pages/sign-out/logout-request.ts',
  'src/key-ring/sealed-key.ts',
  'packages/local-postgres/src/cluster.ts',
  'packages/local-postgres/src/runtime.ts',
  'src/platform/config/installation-folder.ts',
]

t.test('all other JSON is parsed in one place', async (t) => {
  const parsing = ['src', 'packages/verify/src', 'packages/local-postgres/src'].flatMap((folder) =>
    readdirSync(join(packageFolder, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => `${folder}/${file}`)
      // The texts for applications in other languages, which Signet prints and does not run.
      .filter((file) => !file.startsWith('src/cli/recipes/'))
      .filter((file) => /\bJSON\.parse\(|\.json\(\)/.test(readFileSync(join(packageFolder, file), 'utf8'))),
  )
  t.same(parsing.sort(), [...ownJson, 'packages/verify/src/strict-json.ts'].sort())
})
