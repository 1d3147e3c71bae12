import t from 'tap'
import { isJsonObject, type JsonObject } from '#verify/strict-json'
import { hashOfAuth0, userOfAuth0 } from '../../src/cli/import/auth0.ts'
import { clientOfHydra } from '../../src/cli/import/hydra.ts'
import { clientOfRow, userOfRow } from '../../src/cli/import/json-rows.ts'
import { clientOfKeycloak, userOfKeycloak } from '../../src/cli/import/keycloak.ts'

const text = (value: unknown) => JSON.stringify(value)
const credentialData = text({ hashIterations: 5, algorithm: 'argon2', additionalParameters: { type: ['id'] } })
const users = {
  sub: 'a',
  id: 'a',
  user_id: 'auth0|a',
  username: 'a',
  email: 'a@people.example',
  address: { country: 'GB' },
  attributes: { nickname: ['a'] },
  credentials: [{ type: 'password', credentialData, secretData: text({ value: 'AAAA', salt: 'AAAA' }) }],
  federatedIdentities: [],
  blocked: false,
}
const clients = {
  client_id: 'a',
  clientId: 'a',
  clientAuthenticatorType: 'client-jwt',
  attributes: { 'jwks.string': '{"keys":[]}', 'use.jwks.string': 'true', 'post.logout.redirect.uris': '+' },
  redirect_uris: ['https://a.example/'],
  redirectUris: ['/a'],
  rootUrl: 'https://a.example',
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [] },
  grant_types: ['authorization_code'],
  scope: 'openid',
  defaultClientScopes: ['profile'],
  client_secrets: ['a'],
  client_secret_expires_at: 0,
  metadata: {},
  refresh_token_grant_access_token_lifespan: 'PT1H',
}
/** The first cannot be converted to a text. */
const strange = [{ toString: 1, valueOf: 1 }, [{ toString: 1, valueOf: 1 }], [[]], -0, true, '', '\0\u001b\ud800']

/** A value with one part of it replaced, for each part. */
function* replaced(value: unknown, by: unknown): Generator<unknown> {
  yield by
  if (typeof value === 'string' && value.startsWith('{'))
    for (const one of replaced(JSON.parse(value), by)) yield text(one)
  if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value))
      for (const one of replaced(member, by)) yield Array.isArray(value) ? [one] : { ...(value as object), [name]: one }
}

t.test('a member of a strange type refuses its entry, and never ends the import', async (t) => {
  const translations = [
    ...[userOfRow, userOfKeycloak].map((translate) => ({ translate, entry: users })),
    { translate: (row: JsonObject) => userOfAuth0(row, new Map()), entry: users },
    ...[clientOfRow, clientOfKeycloak, clientOfHydra].map((translate) => ({ translate, entry: clients })),
  ]
  const thrown: string[] = []
  for (const { translate, entry } of translations)
    for (const by of strange)
      for (const row of replaced(entry, by))
        if (isJsonObject(row))
          try {
            translate(row)
          } catch (error) {
            thrown.push(`${text(row)}: ${error}`)
          }
  t.same(thrown, [])
  for (const by of strange) t.doesNotThrow(() => hashOfAuth0({ _id: by, passwordHash: by }))
})
