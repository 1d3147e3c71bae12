import { responseTypes } from '../../../src/protocol/oidc-values.ts'
import type { Play } from './play.ts'
import type { Suite } from './suite.ts'
import type { Role, SuiteClient } from './suite-client.ts'

const staticClients = new WeakMap<Suite, Map<string, Promise<SuiteClient>>>()

/** The clients that `docs/certification.md` tells the operator to create. */
export async function staticClient(
  { suite, variant }: Play,
  more: Readonly<Record<string, unknown>>,
  role: Role,
): Promise<SuiteClient> {
  const { authentication } = variant
  const known = staticClients.get(suite) ?? new Map<string, Promise<SuiteClient>>()
  staticClients.set(suite, known)
  const told = (['frontchannel', 'backchannel'] as const).find((channel) => `${channel}_logout_uri` in more)
  const name = `${role} ${authentication} ${told}`
  const client = known.get(name) ?? createStaticClient(suite, authentication, role, told)
  known.set(name, client)
  return client
}

async function createStaticClient(
  suite: Suite,
  authentication: SuiteClient['authentication'],
  role: Role,
  told: Told | undefined,
): Promise<SuiteClient> {
  const { client_id, secret } = await suite.idp.client({
    ...staticMetadata(suite.server, authentication as 'client_secret_basic'),
    ...(told && staticLogoutMetadata(suite.server, told)),
    client_name: `Certification, ${role} client`,
  })
  const redirectUri = `${suite.server.base}/callback`
  return { client_id, client_secret: secret, authentication, redirectUri, keys: suite.keys[role] }
}

/** The metadata that `docs/certification.md` gives these clients. */
export function staticMetadata<M extends SuiteClient['authentication']>(server: { readonly base: string }, method: M) {
  return {
    redirect_uris: [`${server.base}/callback`],
    post_logout_redirect_uris: [`${server.base}/post_logout_redirect`],
    grant_types: ['authorization_code', 'implicit', 'refresh_token'] as const,
    response_types: responseTypes,
    scope: 'openid profile email address phone offline_access',
    token_endpoint_auth_method: method,
    id_token_signed_response_alg: 'RS256' as const,
    // Most modules send a nonce, none but one PKCE, and some neither.
    require_pkce: false as const,
    // By default, clients of an operator find in ID tokens what userinfo returns. The suite warns about an address there (OpenID Connect Core §5.4).
    id_token_profile_claims: false as const,
  }
}

/** By which channel a client is told of logouts. */
type Told = 'frontchannel' | 'backchannel'

/** What the clients of the plans for these channels have besides. In other plans, the suite fails modules in which it is told of a logout. */
export function staticLogoutMetadata({ base }: { readonly base: string }, told: Told) {
  return told === 'frontchannel'
    ? { frontchannel_logout_uri: `${base}/frontchannel_logout`, frontchannel_logout_session_required: true as const }
    : { backchannel_logout_uri: `${base}/backchannel_logout`, backchannel_logout_session_required: true as const }
}
