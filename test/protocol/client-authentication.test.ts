import t from 'tap'
import { digest } from '../../src/platform/secrets/digest.ts'
import {
  matchingSecret,
  type PresentedCredentials,
  parseBasic,
  presentedCredentials,
} from '../../src/protocol/client-authentication.ts'
import { OAuthError } from '../../src/protocol/errors/oauth-error.ts'

type Body = Parameters<typeof presentedCredentials>[1]

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const unsigned = (claims: object) =>
  ['{"alg":"ES256"}', JSON.stringify(claims), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')

/** The credentials, or the name of the error. */
function read(authorization: string | undefined, body: Body): PresentedCredentials | string {
  try {
    return presentedCredentials(authorization, body)
  } catch (error) {
    if (error instanceof OAuthError) return error.entry
    throw error
  }
}

t.test('a request that authenticates in two ways or for two clients is rejected', async (t) => {
  const basic = encoded('client:secret')
  const assertion = { client_assertion: unsigned({ sub: 'client' }), client_assertion_type: jwtBearer }
  t.equal(read(basic, { client_secret: 'secret' }), 'client_authenticates_twice')
  t.equal(read(basic, assertion), 'client_authenticates_twice')
  t.equal(read(basic, { client_assertion_type: jwtBearer }), 'client_authenticates_twice')
  t.equal(read(undefined, { client_secret: 'secret', ...assertion }), 'client_authenticates_twice')
  t.equal(read(basic, { client_id: 'other' }), 'client_id_contradicts')
  t.equal(read(undefined, { client_id: 'other', ...assertion }), 'client_id_contradicts')
})

t.test('unreadable credentials are rejected', async (t) => {
  t.equal(read(undefined, {}), 'client_not_named')
  t.equal(read(undefined, { client_secret: 'secret' }), 'client_not_named')
  t.equal(read('Bearer token', {}), 'client_credentials_malformed')
  t.equal(read(undefined, { client_assertion_type: jwtBearer }), 'client_assertion_type_wrong')
  t.equal(read(undefined, { client_assertion: unsigned({ sub: 'client' }) }), 'client_assertion_type_wrong')
  t.equal(
    read(undefined, { client_assertion: 'no JWT', client_assertion_type: jwtBearer }),
    'client_assertion_unreadable',
  )
})

t.test('each authentication method is recognized', async (t) => {
  const assertion = unsigned({ sub: 'client' })
  const [clientId, secret] = ['client', 'secret']
  t.same(read(encoded('client:secret'), {}), { method: 'client_secret_basic', clientId, secret })
  t.same(read(undefined, { client_id: clientId, client_secret: secret }), {
    method: 'client_secret_post',
    clientId,
    secret,
  })
  t.same(read(undefined, { client_assertion: assertion, client_assertion_type: jwtBearer }), {
    method: 'private_key_jwt',
    clientId,
    assertion,
  })
  t.same(read(undefined, { client_id: clientId }), { method: 'none', clientId })
})

t.test('Basic credentials are split first, then form-decoded, and have one spelling', async (t) => {
  t.same(parseBasic(encoded('a%3Ab:c%3Ad+e')), { clientId: 'a:b', secret: 'c:d e' })
  t.same(parseBasic(encoded('client:se:cret')), { clientId: 'client', secret: 'se:cret' })
  t.same(parseBasic(encoded('client:').replace('Basic', 'bASIC')), { clientId: 'client', secret: '' })
  for (const text of ['client', ':secret', 'client\0:secret', 'client%00:secret', 'client:%zz'])
    t.equal(parseBasic(encoded(text)), undefined, JSON.stringify(text))
  // RFC 7617 §2. U+009B begins an escape sequence, as ESC and [ do.
  for (const control of ['\t', '\r\n', '\x1b[31m', '\x7f', '\x85', '\x9b31m'])
    for (const text of [control, encodeURIComponent(control)]) {
      t.equal(parseBasic(encoded(`client${text}:secret`)), undefined, JSON.stringify(text))
      t.equal(parseBasic(encoded(`client:secret${text}`)), undefined, JSON.stringify(text))
    }
  for (const header of ['', 'Basic', 'Basic ', 'Basic client:secret', 'Bearer Y2xpZW50OnNlY3JldA=='])
    t.equal(parseBasic(header), undefined, header)
})

t.test('only a valid secret matches, and the result says which one it is', async (t) => {
  const secrets = ['old', 'new'].map((name) => ({ name, digest: digest(name) }))
  t.equal(matchingSecret(secrets, 'other'), undefined)
  t.equal(matchingSecret(secrets, ''), undefined)
  t.equal(matchingSecret([], 'new'), undefined)
  t.equal(matchingSecret(undefined, ''), undefined, 'a client without secrets matches nothing')
  for (const name of ['old', 'new']) t.equal(matchingSecret(secrets, name)?.name, name)
})
