import t from 'tap'
import { type ResponseType, responseTypes } from '../../src/protocol/oidc-values.ts'
import type { Visit } from '../support/browser.ts'
import { type AuthorizationRequest, responseAt } from './support/authorization.ts'
import { assertClaimTypes } from './support/claims.ts'
import { assertUnguessable } from './support/entropy.ts'
import type { Play } from './support/play.ts'
import { errorFrom, errorPageFrom, issuedIn } from './support/responses.ts'
import { assertTokenError } from './support/tokens.ts'

/** Checks that never fail would make every module pass. */
const issuer = 'https://id.example'
const redirect_uri = 'https://suite.example/callback?bar=foo'
const request: AuthorizationRequest = { redirect_uri, state: 'the-state', response_type: 'code' }
const good = { state: 'the-state', iss: issuer }
const code = 'Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA'

const newPlay = () => ({ provider: { issuer, metadata: {}, keys: [] }, warnings: [] as string[] }) as unknown as Play

function answered(parameters: Record<string, string>, address = redirect_uri) {
  return { pages: [], response: { address: new URL(address), parameters: new URLSearchParams(parameters) } }
}

t.test('faults of a successful response are found', async (t) => {
  t.equal(issuedIn(newPlay(), request, answered({ ...good, code })).code, code)
  for (const parameters of [
    { ...good, code, state: 'another' },
    { iss: issuer, code },
    { ...good, code, iss: `${issuer}/` },
    { ...good, code: 'short' },
    { ...good, code: 'a'.repeat(40) },
    { ...good, error: 'login_required' },
  ] as Record<string, string>[])
    t.throws(() => issuedIn(newPlay(), request, answered(parameters)), JSON.stringify(parameters))
  t.throws(() => issuedIn(newPlay(), request, answered({ ...good, code }, 'https://suite.example/callback')))
  t.throws(() => issuedIn(newPlay(), request, answered({ ...good, code }, 'https://suite.example/other?bar=foo')))
  t.throws(() => issuedIn(newPlay(), request, { pages: [], response: undefined }))
})

t.test('a response with less or more than its type promises is found', async (t) => {
  const all = { code, id_token: 'jwt', access_token: 'at', token_type: 'Bearer', expires_in: '300' }
  const { code: _code, ...withoutCode } = all
  const { id_token: _idToken, ...withoutIdToken } = all
  const contents: Record<ResponseType, Partial<typeof all>> = {
    code: { code },
    id_token: { id_token: 'jwt' },
    'id_token token': withoutCode,
    'code id_token': { code, id_token: 'jwt' },
    'code token': withoutIdToken,
    'code id_token token': all,
  }
  const issued = (type: ResponseType, parameters: Partial<typeof all> & { refresh_token?: string }) => {
    return issuedIn(newPlay(), { ...request, response_type: type }, answered({ ...good, ...parameters }))
  }
  for (const type of responseTypes) {
    issued(type, contents[type])
    for (const other of responseTypes)
      if (other !== type) t.throws(() => issued(type, contents[other]), `${other} instead of ${type}`)
    t.throws(() => issued(type, { ...contents[type], refresh_token: 'rt' }), `${type} with a refresh token`)
  }
  t.throws(() => issued('code token', { ...contents['code token'], token_type: 'mac' }), 'another type of token')
  t.throws(() => issued('code token', { ...contents['code token'], expires_in: 'soon' }), 'no number')
  t.throws(() => issued('id_token', { ...contents.id_token, expires_in: '300' }), 'a lifetime without an access token')
})

t.test('responses in the wrong place are found', async (t) => {
  const at = (location: string | undefined, type: string, more: object = {}, text = '') => {
    const end: Visit = { url: issuer, status: 200, headers: new Headers(), text, location }
    return responseAt(end, { redirect_uri, response_type: type, ...more })?.parameters.get('code')
  }
  t.equal(at('https://suite.example/?code=x', 'code'), 'x')
  t.equal(at('https://suite.example/#code=x', 'code token'), 'x')
  t.throws(() => at('https://suite.example/#code=x', 'code'))
  t.throws(() => at('https://suite.example/?code=x', 'code token'))
  t.throws(() => at('https://suite.example/?error=x#state=y', 'id_token'))
  const form = { response_mode: 'form_post' }
  const page = (attributes: string, action = redirect_uri) =>
    `<form id="form-post" action="${action}" ${attributes}><input name="code" value="x"><button type="submit"></button></form>`
  for (const type of ['code', 'code token']) {
    t.equal(at(undefined, type, form, page('method="post"')), 'x')
    t.throws(() => at('https://suite.example/?code=x', type, form), 'a redirect')
    t.throws(() => at('https://suite.example/#code=x', type, form), 'a redirect')
    t.throws(() => at(undefined, type, form, page('')), 'a form that is sent by GET')
    t.throws(() => at(undefined, type, form, page('method="post" enctype="text/plain"')))
    t.throws(() => at(undefined, type, form, page('method="post"', `${redirect_uri}&code=x`)))
  }
  t.equal(at(undefined, 'code', form, '<p>a page of the provider</p>'), undefined)
})

t.test('faults of an error response are found', async (t) => {
  const error = 'login_required'
  const play = newPlay()
  errorFrom(play, request, answered({ ...good, error, error_description: 'Sign in.' }), [error])
  t.same(play.warnings, [])
  errorFrom(play, request, answered({ ...good, error, request_id: 'x' }), [error])
  t.same(play.warnings, ['request_id in an error response'])
  for (const parameters of [
    { ...good, error: 'server_error' },
    { ...good, error, state: 'another' },
    { ...good, error, code },
    { ...good, error, access_token: 'at' },
    { ...good, error, id_token: 'jwt' },
    { ...good, error, error_description: 'a "quote"' },
    { ...good, error, error_uri: 'a space' },
  ] as Record<string, string>[])
    t.throws(() => errorFrom(newPlay(), request, answered(parameters), [error]), JSON.stringify(parameters))
  t.throws(() => errorPageFrom(answered({ ...good, error })), 'a redirect instead of a page')
})

t.test('claims of the wrong type are found', async (t) => {
  assertClaimTypes({
    sub: 'a',
    email_verified: true,
    updated_at: 1,
    birthdate: '0000-12-31',
    address: { country: 'CH' },
  })
  for (const claims of [
    { name: '' },
    { name: null },
    { name: 'null' },
    { email_verified: 'true' },
    { updated_at: '1' },
    { address: 'Bern' },
    { address: { country: 1 } },
    { birthdate: '31.12.1990' },
    { birthdate: '1700-01-01' },
    { birthdate: '0000' },
  ])
    t.throws(() => assertClaimTypes(claims), JSON.stringify(claims))
})

t.test('values that can be guessed and malformed token errors are found', async (t) => {
  t.throws(() => assertUnguessable('0101010101010101010101010101', 'x'))
  const body = { error: 'invalid_grant' }
  const headers = new Headers({ 'content-type': 'application/json' })
  assertTokenError({ status: 400, headers, body }, ['invalid_grant'])
  t.throws(() => assertTokenError({ status: 401, headers, body }, ['invalid_grant']))
  t.throws(() => assertTokenError({ status: 400, headers: new Headers(), body }, ['invalid_grant']))
  t.throws(() => assertTokenError({ status: 400, headers, body }, ['invalid_client']))
})
