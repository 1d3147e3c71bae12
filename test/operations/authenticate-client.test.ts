import t from 'tap'
import { authenticateClient } from '../../src/operations/authenticate-client.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import type { OAuthError } from '../../src/protocol/errors/oauth-error.ts'
import type { Client } from '../../src/records/clients/client.ts'

const client = {
  client_id: 'client',
  token_endpoint_auth_method: 'client_secret_basic',
  secrets: [{ id: 1, digest: digest('live'), standingGrant: undefined }],
} as unknown as Client

function authenticate(known: Client | undefined, presented: Parameters<typeof authenticateClient>[1]) {
  const clients = { cached: () => undefined, read: async () => known }
  return authenticateClient({ clients } as unknown as Parameters<typeof authenticateClient>[0], presented)
}

const bySecret = (secret: string) => ({ method: 'client_secret_basic', clientId: 'client', secret }) as const

t.test('the operator sees why the authentication failed, and the client does not', async (t) => {
  const refused = (known: Client | undefined, presented: Parameters<typeof authenticate>[1]) =>
    authenticate(known, presented).then(
      () => Promise.reject(new Error('The client was authenticated.')),
      (error: OAuthError) => error,
    )
  const refusals = await Promise.all([
    refused(undefined, bySecret('live')),
    refused(client, bySecret('other')),
    refused(client, { method: 'none', clientId: 'client' }),
  ])
  t.same(
    refusals.map((refusal) => refusal.detail),
    [
      'client_id: no such client',
      'client client: the secret matches none of its active ones',
      'client client is registered for client_secret_basic but used none',
    ],
  )
  t.equal(new Set(refusals.map((refusal) => refusal.message)).size, 1, 'the client gets one text for all of them')
  for (const refusal of refusals) t.match(refusal, { entry: 'client_authentication_failed', status: 400, headers: {} })
})

t.test('a valid secret authenticates the client', async (t) => {
  t.match(await authenticate(client, bySecret('live')), { client, credential: { secretId: 1 } })
})
