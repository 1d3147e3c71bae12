import t from 'tap'
import { checkFrontChannel, readResponseType } from '../../src/interaction/response-type.ts'
import type { OAuthError } from '../../src/protocol/errors/oauth-error.ts'
import { contentsOf, type ResponseType, responseTypeOf, responseTypes } from '../../src/protocol/oidc-values.ts'
import type { Client } from '../../src/records/clients/client.ts'
import { grantTypesFor } from '../../src/records/clients/grant-and-response-types.ts'

const clientFor = (...types: ResponseType[]) =>
  ({
    ...{ client_id: 'client_x', response_types: types, grant_types: types.flatMap(grantTypesFor) },
    ...{
      scope: 'openid profile notes:read',
      allowed: [{ identifier: 'https://notes.example', scopes: ['notes:read'] }],
    },
  }) as unknown as Client

/** What a rule returns, or the entry of the error that it throws. */
function outcome<T>(rule: () => T): T | string {
  try {
    return rule()
  } catch (error) {
    return (error as OAuthError).entry
  }
}

/** All orders of these words. */
function orders(words: readonly string[]): string[] {
  if (words.length < 2) return [words.join('')]
  return words.flatMap((word, index) => orders(words.toSpliced(index, 1)).map((rest) => `${word} ${rest}`))
}

t.test('a response type is a set of words: their order does not matter, everything else does', async (t) => {
  for (const type of responseTypes) {
    for (const text of orders(type.split(' '))) t.equal(responseTypeOf(text), type, text)
    for (const text of [
      ` ${type}`,
      `${type} `,
      `${type} ${type}`,
      `${type} x`,
      type.toUpperCase(),
      `${type}\t`,
      `${type},`,
    ])
      t.equal(responseTypeOf(text), undefined, JSON.stringify(text))
  }
  for (const text of ['', 'token', 'none', '__proto__', 'constructor']) t.equal(responseTypeOf(text), undefined, text)
})

t.test('a type needs the setting and the registration; code needs the registration only', async (t) => {
  const read = (text: string | undefined, client: Client, legacy: 'on' | 'off') =>
    outcome(() => readResponseType(text, client, legacy))
  for (const type of responseTypes) {
    const [own, other] = [clientFor(type), clientFor(type === 'code' ? 'id_token' : 'code')]
    t.equal(read(type, own, 'on'), type)
    t.equal(read(type, own, 'off'), type === 'code' ? 'code' : 'response_type_turned_off', type)
    t.equal(
      read(type, other, 'on'),
      type === 'code' ? 'authorization_code_not_registered' : 'response_type_not_registered',
    )
    t.equal(
      read(type, other, 'off'),
      type === 'code' ? 'authorization_code_not_registered' : 'response_type_unsupported',
    )
  }
  for (const legacy of ['on', 'off'] as const) {
    t.equal(read('code', clientFor('code id_token'), legacy), 'response_type_not_registered')
    t.equal(read('token', clientFor(...responseTypes), legacy), 'response_type_unsupported')
    t.equal(read(undefined, clientFor(...responseTypes), legacy), 'parameter_missing')
  }
})

t.test('requests for tokens need openid, a nonce for an ID token, and one API for an access token', async (t) => {
  const check = (type: ResponseType, values: Record<string, string>, scopes = ['openid'], resources: string[] = []) =>
    outcome(() =>
      checkFrontChannel(new Map(Object.entries(values)), clientFor(type), {
        ...{ contents: contentsOf(type), scopes, resources, issuer: 'https://id.example' },
      }),
    )
  for (const type of responseTypes.filter((one) => one !== 'code')) {
    const { idToken, accessToken } = contentsOf(type)
    t.equal(check(type, { nonce: 'n' }), undefined, type)
    t.equal(check(type, {}), idToken ? 'nonce_missing' : undefined, type)
    t.equal(check(type, { nonce: 'n' }, ['profile']), 'openid_missing', type)
    for (const mode of ['fragment', 'form_post']) t.equal(check(type, { nonce: 'n', response_mode: mode }), undefined)
    t.equal(check(type, { nonce: 'n', response_mode: 'query' }), 'response_mode_query_refused', type)
    t.equal(check(type, { nonce: 'n' }, ['openid', 'notes:read'], ['https://notes.example']), undefined)
    // A scope without an API that the client may use: no token could have it.
    const lost = check(type, { nonce: 'n' }, ['openid', 'lost:read'], ['https://notes.example'])
    t.equal(lost, accessToken ? 'scope_taken' : undefined, type)
  }
})
