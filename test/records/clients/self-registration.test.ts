import t from 'tap'
import { InvalidClientMetadata } from '../../../src/records/clients/metadata-members.ts'
import { beyondOwnMetadata, completeOwnMetadata } from '../../../src/records/clients/self-registration.ts'

/* What clients that register themselves may have, and what they get by default (RFC 7591 §2, OpenID Connect Registration §2). */
const context = {
  openResources: [{ identifier: 'https://mcp.example', scopes: ['tools:call'] }],
  providerName: 'Acme',
  issuer: 'https://id.example',
  legacyResponseTypes: 'off',
  allowsLoopback: false,
} as const
const web = { redirect_uris: ['https://app.example/cb'] }
const complete = (input: object) => completeOwnMetadata({ ...web, ...input }, context)
const fault = (input: object) => {
  try {
    complete(input)
    return undefined
  } catch (error) {
    if (error instanceof InvalidClientMetadata) return error.code
    throw error
  }
}

t.test('the defaults are those of RFC 7591, with all scopes that such a client may request', async (t) => {
  t.match(complete({}), {
    client_name: 'app.example',
    application_type: 'web',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    scope: 'openid profile email address phone tools:call',
    resources: ['https://mcp.example'],
    require_pkce: false,
    id_token_profile_claims: false,
    first_party: false,
    groups: [],
  })
  t.match(complete({ grant_types: ['refresh_token', 'authorization_code'] }).scope, 'offline_access')
  t.match(complete({ token_endpoint_auth_method: 'none' }), { require_pkce: true, refresh_token_rotation: true })
  t.equal(complete({ require_pkce: true }).require_pkce, true, 'a client may ask for more')
})

t.test('values that are not supported are left out as long as something remains', async (t) => {
  t.same(
    complete({ grant_types: ['implicit', 'authorization_code'], response_types: ['code', 'id_token'] }).grant_types,
    ['authorization_code'],
  )
  t.equal(complete({ scope: 'openid api:unknown groups tools:call' }).scope, 'openid tools:call')
  t.equal(complete({ scope: 'unknown' }).scope, '')
  for (const input of [
    { grant_types: ['implicit'] },
    { grant_types: [] },
    { response_types: ['token'] },
    { response_types: [] },
  ])
    t.equal(fault(input), 'invalid_client_metadata', JSON.stringify(input))
})

t.test('redirect URIs say what kind of application it is, unless it says so itself', async (t) => {
  const native = ['http://localhost:1234/cb', 'http://127.0.0.1/cb', 'http://[::1]:9000/cb', 'com.example.app:/cb']
  for (const uri of native)
    t.equal(complete({ redirect_uris: [uri], token_endpoint_auth_method: 'none' }).application_type, 'native', uri)
  t.equal(complete({ application_type: 'native' }).application_type, 'native', 'an https URI can belong to an app')
  t.equal(
    complete({ application_type: 'web', redirect_uris: ['http://localhost:3000/cb'] }).application_type,
    'web',
    'in development',
  )
  const custom = { redirect_uris: ['com.example.app:/cb'], token_endpoint_auth_method: 'none' }
  t.equal(fault({ ...custom, application_type: 'web' }), 'invalid_redirect_uri')
  t.equal(fault({ ...custom, token_endpoint_auth_method: 'client_secret_basic' }), 'invalid_redirect_uri')
  t.equal(fault({ application_type: 'desktop' }), 'invalid_client_metadata')
})

t.test('a name that looks like that of the provider is refused, a longer one is not', async (t) => {
  for (const client_name of ['Acme', 'a c m e', 'ＡＣＭＥ', '-acme-'])
    t.equal(fault({ client_name }), 'invalid_client_metadata', client_name)
  const symbols = (client_name: string) =>
    completeOwnMetadata({ ...web, client_name }, { ...context, providerName: '★' })
  t.throws(() => symbols('★'), InvalidClientMetadata)
  t.equal(symbols('☂').client_name, '☂')
  t.equal(complete({ client_name: 'Notes for Acme' }).client_name, 'Notes for Acme')
})

t.test('an operator cannot give a client that registered itself more than it could have', async (t) => {
  const metadata = complete({})
  t.equal(beyondOwnMetadata(metadata, context.openResources), undefined)
  for (const changes of [
    { first_party: true },
    { groups: ['*'] },
    { resources: ['https://other.example'] },
    { scope: 'openid roles' },
    { grant_types: ['client_credentials'] as const },
  ])
    t.match(beyondOwnMetadata({ ...metadata, ...changes }, context.openResources), 'signet clients adopt')
  t.match(beyondOwnMetadata(metadata, []), 'tools:call', 'an API that has been closed since')
})

t.test('older response types are registered only where they are offered', async (t) => {
  const on = { ...context, legacyResponseTypes: 'on' } as const
  const implicit = { response_types: ['id_token', 'token id_token'], grant_types: ['implicit'] }
  t.equal(fault(implicit), 'invalid_client_metadata')
  t.match(completeOwnMetadata({ ...web, ...implicit }, on), {
    response_types: ['id_token', 'id_token token'],
    grant_types: ['implicit'],
    scope: 'openid profile email address phone tools:call',
  })
  const both = { response_types: ['code', 'code id_token'], grant_types: ['authorization_code', 'implicit'] }
  t.same(complete(both).response_types, ['code'], 'what is not offered is left out')
  t.same(complete(both).grant_types, ['authorization_code'])
  t.same(completeOwnMetadata({ ...web, ...both }, on).response_types, ['code', 'code id_token'])
  const unneeded = { response_types: ['code'], grant_types: ['authorization_code', 'implicit'] }
  t.same(completeOwnMetadata({ ...web, ...unneeded }, on).grant_types, ['authorization_code'])
})
