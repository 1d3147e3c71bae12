import t from 'tap'
import { type AuthorizationRequest, codeFrom, errorFrom, errorPageFrom } from './support/authorization.ts'
import { assertClaimTypes } from './support/claims.ts'
import { assertUnguessable } from './support/entropy.ts'
import type { Play } from './support/play.ts'
import { assertTokenError } from './support/tokens.ts'

/** Checks that never fail would make every module pass. */
const issuer = 'https://id.example'
const redirect_uri = 'https://suite.example/callback?bar=foo'
const request: AuthorizationRequest = { redirect_uri, state: 'the-state' }
const good = { state: 'the-state', iss: issuer }
const code = 'Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA'

const newPlay = () => ({ provider: { issuer, metadata: {}, keys: [] }, warnings: [] as string[] }) as unknown as Play

function answered(parameters: Record<string, string>, address = redirect_uri) {
  return { pages: [], response: { address: new URL(address), parameters: new URLSearchParams(parameters) } }
}

t.test('faults of a successful response are found', async (t) => {
  t.equal(codeFrom(newPlay(), request, answered({ ...good, code })), code)
  for (const parameters of [
    { ...good, code, state: 'another' },
    { iss: issuer, code },
    { ...good, code, iss: `${issuer}/` },
    { ...good, code: 'short' },
    { ...good, code: 'a'.repeat(40) },
    { ...good, error: 'login_required' },
  ] as Record<string, string>[])
    t.throws(() => codeFrom(newPlay(), request, answered(parameters)), JSON.stringify(parameters))
  t.throws(() => codeFrom(newPlay(), request, answered({ ...good, code }, 'https://suite.example/callback')))
  t.throws(() => codeFrom(newPlay(), request, answered({ ...good, code }, 'https://suite.example/other?bar=foo')))
  t.throws(() => codeFrom(newPlay(), request, { pages: [], response: undefined }))
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
