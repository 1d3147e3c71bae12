import { createLocalJWKSet, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { createVerifier } from 'signet-idp/verify'
import t from 'tap'
import { sealOwnPage } from '../../src/interaction/continue-value.ts'
import { randomText } from '../../src/platform/secrets/digest.ts'
import type { ClientJwks } from '../../src/records/clients/client.ts'
import { basic, defaultRedirectUri, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { type Json, newKey, publicJwk, signWith } from './jose-vectors.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm, send } from './send.ts'

const idp = await startSignet(t)
const api = 'https://api.example'
await idp.resource(api, ['api:read'])
const client = await idp.client({ scope: 'openid offline_access api:read', resources: [api] })
const machineKey = newKey('machine', 'ES256')
const machine = await idp.client({
  token_endpoint_auth_method: 'private_key_jwt',
  grant_types: ['client_credentials'],
  scope: 'api:read',
  resources: [api],
  jwks: { keys: [publicJwk(machineKey) as ClientJwks['keys'][number]] },
})
const person = await idp.person()
const nonce = randomText(8)
const now = () => Math.floor(Date.now() / 1000)
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Json

/** One of each kind of value that Signet issues or accepts, all for one person at one client. */
async function newSet() {
  const journey = await signIn(idp, client, { person, parameters: { nonce, scope: 'openid offline_access' } })
  const { browser } = journey
  const { access_token, id_token, refresh_token } = (await journey.redeem()).body as Record<string, string>
  const apiTokens = await idp.token(client, {
    grant_type: 'refresh_token',
    refresh_token: (
      await (await signIn(idp, client, { person, browser, parameters: { scope: client.scope } })).redeem()
    ).body.refresh_token,
    resource: api,
  })
  const waiting = await signIn(idp, client, { person, browser, parameters: { nonce } })
  const claims = claimsOf(access_token ?? '')
  const idClaims = claimsOf(id_token ?? '')
  const logout = {
    iss: idp.issuer,
    sub: person.sub,
    aud: client.client_id,
    iat: now(),
    exp: now() + 60,
    jti: randomText(8),
  }
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const mint = (typ: string, content: Json) => idp.signet.keyRing.sign('ES256', typ, content, 60)
  return {
    browser,
    waiting,
    tokens: {
      'an access token': access_token ?? '',
      'an access token for an API': String(apiTokens.body.access_token),
      'an ID token': id_token ?? '',
      'a refresh token': refresh_token ?? '',
      'an authorization code': waiting.code,
      'a client assertion': assertion(),
      'a logout token': await mint('logout+jwt', { ...logout, sid: claims['sid'], events }),
      'a logout token with the contents of an access token': await mint('logout+jwt', { ...claims, events }),
      // Back-Channel Logout §2.4: never with a nonce, by which relying parties recognise the ID token that they asked for.
      'a logout token with the contents of an ID token': await mint('logout+jwt', {
        ...idClaims,
        nonce: undefined,
        events,
      }),
      'a status list with the contents of an access token': await mint('statuslist+jwt', { ...claims }),
      'a session cookie': browser.cookies.get(browser.names.session) ?? '',
      'a sealed request': sealOwnPage(idp.signet.secrets['request-sealing'], 'account'),
    },
  }
}
type TokenSet = Awaited<ReturnType<typeof newSet>>
type Kind = keyof TokenSet['tokens']

function assertion(): string {
  const id = machine.client_id
  const claims = { iss: id, sub: id, aud: idp.issuer, jti: randomText(8), iat: now(), exp: now() + 60 }
  return signWith(machineKey, { alg: 'ES256', typ: 'JWT', kid: machineKey.kid }, claims)
}

const authorization = basic(client.client_id, client.secret ?? '')
const owner = (path: string, form: Record<string, string>) =>
  postForm(idp, path, new URLSearchParams(form).toString(), { authorization })

/** `taken`, or the status and the error; in any case faults of the response. */
function outcomeOf(answer: Answer, taken = answer.status === 200): string {
  const faults = faultsOf(answer)
  if (faults.length > 0) return faults.join(', ')
  return taken ? 'taken' : [answer.status, answer.json?.['error']].filter(Boolean).join(' ')
}

interface Place {
  readonly takes: readonly Kind[]
  /** The outcome for everything else. */
  readonly refusal: string | RegExp
  /** Whether using the right value spends or ends something. */
  readonly ends?: true
  readonly present: (token: string, set: TokenSet) => Promise<string>
}

const verifier = createVerifier({ issuer: idp.issuer, audience: idp.issuer })
const metadata = (await (
  await fetch(`${idp.issuer}/.well-known/openid-configuration`)
).json()) as oauth.AuthorizationServer
const keys = createLocalJWKSet(JSON.parse(String(idp.signet.keyRing.jwkSet().body)))
const refused = () => 'refused'
const taken = () => 'taken'
const isAlive = async ({ tokens }: TokenSet) =>
  (await owner('/introspect', { token: tokens['a refresh token'] })).json?.['active'] === true &&
  (await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${tokens['an access token']}` } })).status ===
    200

// A JWT is longer than any code or refresh token.
const unknownOrTooLong = /^400 invalid_(?:grant|request)$/

const places: Record<string, Place> = {
  'userinfo, in the header': {
    takes: ['an access token'],
    refusal: '401 invalid_token',
    present: async (token) =>
      outcomeOf(await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } })),
  },
  'userinfo, in the body': {
    takes: ['an access token'],
    refusal: '401 invalid_token',
    present: async (token) => outcomeOf(await postForm(idp, '/userinfo', `access_token=${token}`)),
  },
  'a service with the published verifier': {
    takes: ['an access token'],
    refusal: 'refused',
    present: (token) => verifier.verify(token).then(taken, refused),
  },
  'id_token of a relying party with oauth4webapi': {
    takes: ['an ID token'],
    refusal: 'refused',
    present: async (token) => {
      const response = Response.json({ access_token: 'x', token_type: 'Bearer', id_token: token })
      const app = { client_id: client.client_id, id_token_signed_response_alg: 'ES256' }
      return oauth
        .processAuthorizationCodeResponse(metadata, app, response, { expectedNonce: nonce, requireIdToken: true })
        .then(() =>
          oauth.validateApplicationLevelSignature(metadata, response, { [oauth.allowInsecureRequests]: true }),
        )
        .then(taken, refused)
    },
  },
  'id_token of a relying party that checks it with jose, and the type too': {
    takes: ['an ID token'],
    refusal: 'refused',
    present: (token) =>
      jwtVerify(token, keys, { issuer: idp.issuer, audience: client.client_id, typ: 'JWT' }).then(taken, refused),
  },
  'code at /token': {
    ends: true,
    takes: ['an authorization code'],
    refusal: unknownOrTooLong,
    present: async (code, { waiting }) =>
      outcomeOf(
        await owner('/token', {
          grant_type: 'authorization_code',
          code,
          redirect_uri: defaultRedirectUri,
          code_verifier: waiting.pkce.verifier,
        }),
      ),
  },
  'refresh_token at /token': {
    takes: ['a refresh token'],
    refusal: unknownOrTooLong,
    present: async (token) => outcomeOf(await owner('/token', { grant_type: 'refresh_token', refresh_token: token })),
  },
  'client_assertion at /token': {
    ends: true,
    takes: ['a client assertion'],
    refusal: '400 invalid_client',
    present: async (token) => {
      const form = {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: token,
      }
      return outcomeOf(await postForm(idp, '/token', new URLSearchParams(form).toString()))
    },
  },
  'client_secret at /token': {
    takes: [],
    refusal: '401 invalid_client',
    present: async (token) =>
      outcomeOf(
        await postForm(idp, '/token', 'grant_type=client_credentials', {
          authorization: basic(client.client_id, token.slice(0, 255)),
        }),
      ),
  },
  'id_token_hint at /authorize': {
    takes: ['an ID token'],
    refusal: 'invalid_request',
    present: async (token, { browser }) => {
      const more = { id_token_hint: token, prompt: 'none' }
      const { location = '' } = await browser.get(
        `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`,
      )
      const answered = new URL(location, idp.issuer).searchParams
      return answered.has('code') ? 'taken' : String(answered.get('error'))
    },
  },
  'id_token_hint at /logout': {
    ends: true,
    takes: ['an ID token'],
    refusal: '400, signed in',
    present: async (token, { browser }) => {
      const { status } = await browser.get(`/logout?id_token_hint=${token}`)
      const signedIn = (await browser.get('/account')).status === 200
      return status !== 400 && !signedIn ? 'taken' : `${status}, ${signedIn ? 'signed in' : 'signed out'}`
    },
  },
  'a session cookie': {
    takes: ['a session cookie'],
    refusal: '/sign-in',
    present: async (token) => {
      const stranger = idp.browser()
      stranger.cookies.set(stranger.names.session, token)
      const { status, location = '' } = await stranger.get('/account')
      return status === 200 ? 'taken' : new URL(location).pathname
    },
  },
  'continue at /sign-in': {
    takes: ['a sealed request'],
    refusal: '400',
    present: async (token) => outcomeOf(await send(idp, { path: `/sign-in?continue=${token}` })),
  },
  'token at /introspect': {
    takes: ['an access token', 'an access token for an API', 'a refresh token'],
    refusal: '200 {"active":false}',
    present: async (token) => {
      const answer = await owner('/introspect', { token })
      return answer.json?.['active'] === true ? 'taken' : `${answer.status} ${answer.text}`
    },
  },
  'token at /revoke': {
    ends: true,
    takes: ['an access token', 'a refresh token'],
    refusal: '200',
    present: async (token, set) => {
      const answer = await owner('/revoke', { token })
      return (await isAlive(set)) ? outcomeOf(answer, false) : 'taken'
    },
  },
}

t.test('a value that belongs in one place is refused in every other', async (t) => {
  const shared = await newSet()
  for (const [name, { takes, refusal, ends, present }] of Object.entries(places))
    t.test(name, async (t) => {
      for (const [kind, token] of Object.entries(shared.tokens) as [Kind, string][]) {
        // A token of another grant is actually revoked here; the endpoint's own tests show the effect.
        if (takes.includes(kind) || (name === 'token at /revoke' && kind === 'an access token for an API')) continue
        const outcome = await present(token, shared)
        t.ok(typeof refusal === 'string' ? outcome === refusal : refusal.test(outcome), kind, { outcome, refusal })
      }
      for (const kind of takes) {
        const set = ends ? await newSet() : shared
        t.equal(await present(set.tokens[kind], set), 'taken', `${kind}, where it belongs`)
      }
    })

  t.test('and nothing was spent, ended or revoked', async (t) => {
    t.ok(await isAlive(shared))
    t.equal(await places['a session cookie']?.present(shared.tokens['a session cookie'], shared), 'taken')
    t.equal((await shared.waiting.redeem()).status, 200, 'the code')
    t.equal(
      await places['client_assertion at /token']?.present(shared.tokens['a client assertion'], shared),
      'taken',
      'the assertion',
    )
  })
})

t.test('token_type_hint is only a hint: it does not turn one kind of token into another', async (t) => {
  const set = await newSet()
  for (const hint of ['access_token', 'refresh_token', 'id_token', 'logout_token', 'code', '__proto__'])
    for (const kind of ['an ID token', 'a logout token', 'an authorization code', 'a client assertion'] as const) {
      const form = { token: set.tokens[kind], token_type_hint: hint }
      t.equal((await owner('/introspect', form)).text, '{"active":false}', `${kind} as ${hint}`)
      t.match(await owner('/revoke', form), { status: 200, text: '{}' }, `${kind} as ${hint}`)
    }
  t.ok(await isAlive(set))
  t.equal((await set.waiting.redeem()).status, 200)
})

t.test("a client that registers Signet's own keys is not authenticated by Signet's tokens", async (t) => {
  const { keys: published } = JSON.parse(String(idp.signet.keyRing.jwkSet().body)) as ClientJwks
  const mirror = await idp.client({
    token_endpoint_auth_method: 'private_key_jwt',
    grant_types: ['client_credentials', 'authorization_code'],
    scope: 'openid api:read',
    resources: [api],
    jwks: { keys: [...published] },
  })
  const id = mirror.client_id
  const common = { iss: idp.issuer, iat: now(), exp: now() + 60, jti: randomText(8) }
  const minted: [what: string, typ: string, claims: Json][] = [
    ['its own access token', 'at+jwt', { ...common, sub: id, aud: idp.issuer, client_id: id, scope: 'api:read' }],
    ['an ID token for it', 'JWT', { ...common, sub: person.sub, aud: id }],
    ['an ID token about it', 'JWT', { ...common, sub: id, aud: id }],
    ['a logout token for it', 'logout+jwt', { ...common, sub: id, aud: id, events: {} }],
  ]
  const set = await newSet()
  for (const [what, typ, claims] of minted) {
    const token = await idp.signet.keyRing.sign('ES256', typ, claims, 60)
    t.equal(await places['client_assertion at /token']?.present(token, set), '400 invalid_client', what)
  }
})
