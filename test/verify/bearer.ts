import { request as httpRequest } from 'node:http'
import { createVerifier, importVerificationKey } from 'signet-idp/verify'
import { audience, goodClaims, issuer, type Json, mint, now, signingKey, stoppedClock } from './issuer.ts'

type Answer = { status: number; challenge: string | undefined; headers: Json; body: Json }

const key = signingKey('ec-1')
const imported = importVerificationKey(key.jwk)

export const verifier = createVerifier({ issuer, audience, keys: () => imported, clock: stoppedClock() })
export const awayVerifier = createVerifier({
  issuer,
  audience,
  keys: () => Promise.reject(new Error('connect ECONNREFUSED 10.1.2.3:443')),
})
export const good = mint(key)

/** Sends one request over a socket, with its headers exactly as given, including repeated ones. */
export function send(origin: string, path: string, headers: string[] = []): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin)
    httpRequest(
      { hostname, port, path, headers: ['Host', 'api.example.com', ...headers], agent: false },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            challenge: response.headers['www-authenticate'],
            headers: response.headers as Json,
            body: JSON.parse(text) as Json,
          }),
        )
      },
    )
      .on('error', reject)
      .end()
  })
}

const description = (text: string) => `error_description="${text}"`
const invalid = (text: string) => `Bearer realm="invoices", error="invalid_token", ${description(text)}`
const request = (text: string) => `Bearer realm="invoices", error="invalid_request", ${description(text)}`
const challenge = 'Bearer realm="invoices"'
const notInQuery = request('Send the token in the Authorization header, not in the query (access_token).')
const notSeveral = request('Send one Authorization header, not several.')
const notReadable = request('The Authorization header must contain Bearer, a space, and the token.')

/** Requests that must not reach `/invoices`, `/payments`, which requires two scopes, or `/transfers`, which requires a recent second factor, and the answer to each. */
export const refusals: [what: string, path: string, headers: string[], status: number, challenge: string][] = [
  ['no credentials', '/invoices', [], 401, challenge],
  ['an empty header', '/invoices', ['Authorization', ''], 401, challenge],
  ['another scheme', '/invoices', ['Authorization', 'Basic YTpi'], 401, challenge],
  ['a DPoP token', '/invoices', ['Authorization', `DPoP ${good}`], 401, challenge],
  ['the token without its scheme', '/invoices', ['Authorization', good], 401, challenge],
  ['a scheme that starts with Bearer', '/invoices', ['Authorization', `Bearerx ${good}`], 401, challenge],
  ['the token in a cookie', '/invoices', ['Cookie', `access_token=${good}`], 401, challenge],
  ['only the scheme', '/invoices', ['Authorization', 'Bearer'], 400, notReadable],
  ['the scheme and a space', '/invoices', ['Authorization', 'Bearer '], 400, notReadable],
  ['two tokens', '/invoices', ['Authorization', `Bearer ${good} ${good}`], 400, notReadable],
  ['two credentials joined by a proxy', '/invoices', ['Authorization', `Bearer ${good}, Bearer x`], 400, notReadable],
  ['a quoted token', '/invoices', ['Authorization', `Bearer "${good}"`], 400, notReadable],
  ['a tab instead of the space', '/invoices', ['Authorization', `Bearer\t${good}`], 401, challenge],
  ['two headers', '/invoices', ['Authorization', `Bearer ${good}`, 'authorization', 'Bearer x'], 400, notSeveral],
  [
    'the same header twice',
    '/invoices',
    ['Authorization', `Bearer ${good}`, 'Authorization', `Bearer ${good}`],
    400,
    notSeveral,
  ],
  ['the token in the query', `/invoices?access_token=${good}`, [], 400, notInQuery],
  ['the token in the query, escaped', `/invoices?a=b&acc%65ss_token=${good}`, [], 400, notInQuery],
  [
    'a token in the query and in the header',
    '/invoices?access_token=x',
    ['Authorization', `Bearer ${good}`],
    400,
    notInQuery,
  ],
  [
    'rubbish',
    '/invoices',
    ['Authorization', 'Bearer rubbish'],
    401,
    invalid('The token is not a signed JWT: it does not have three parts.'),
  ],
  [
    'an expired token',
    '/invoices',
    ['Authorization', `Bearer ${mint(key, goodClaims({ exp: now - 90 }))}`],
    401,
    invalid(`The token expired 90 s ago (exp ${now - 90}, now ${now}).`),
  ],
  [
    'a bound token',
    '/invoices',
    ['Authorization', `Bearer ${mint(key, goodClaims({ cnf: {} }))}`],
    401,
    invalid('The token is bound to a key (cnf) and cannot be used as a bearer token.'),
  ],
  [
    'an issuer that would inject a header',
    '/invoices',
    ['Authorization', `Bearer ${mint(key, goodClaims({ iss: 'x"\r\nSet-Cookie: a=b\\\u0000é' }))}`],
    401,
    invalid(`The token was issued by x'??Set-Cookie: a=b??? (iss), but this service trusts ${issuer}.`),
  ],
  [
    'a typ that would inject parameters',
    '/invoices',
    ['Authorization', `Bearer ${mint(key, goodClaims(), { typ: 'at", scope="admin' })}`],
    401,
    invalid(
      "The token's type (typ) is at', scope='admin, not at+jwt. Was an ID token sent instead of the access token?",
    ),
  ],
  [
    'a missing scope',
    '/payments',
    ['Authorization', `Bearer ${good}`],
    403,
    `Bearer realm="invoices", error="insufficient_scope", ${description('The token lacks the scope payments:make.')}, scope="invoices:read payments:make"`,
  ],
  [
    'a sign-in that is too weak',
    '/transfers',
    ['Authorization', `Bearer ${mint(key, goodClaims({ acr: 'aal1', auth_time: now }))}`],
    401,
    `Bearer realm="invoices", error="insufficient_user_authentication", ${description("The user must sign in with aal2 or phr; the token's acr is aal1.")}, acr_values="aal2 phr", max_age="300"`,
  ],
  [
    'an acr that would inject parameters',
    '/transfers',
    ['Authorization', `Bearer ${mint(key, goodClaims({ acr: 'phr", a="', auth_time: now }))}`],
    401,
    `Bearer realm="invoices", error="insufficient_user_authentication", ${description("The user must sign in with aal2 or phr; the token's acr is phr', a='.")}, acr_values="aal2 phr", max_age="300"`,
  ],
  [
    'a sign-in that is too old',
    '/transfers',
    ['Authorization', `Bearer ${mint(key, goodClaims({ acr: 'phr', auth_time: now - 600 }))}`],
    401,
    `Bearer realm="invoices", error="insufficient_user_authentication", ${description('The user must have signed in within the last 300 s; it was 600 s ago (auth_time).')}, acr_values="aal2 phr", max_age="300"`,
  ],
]
