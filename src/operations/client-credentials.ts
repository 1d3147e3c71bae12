import { randomText } from '../platform/secrets/digest.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { scopesOf } from '../records/clients/client.ts'
import { openStandingGrant } from '../records/grants/grants-store.ts'
import type { GrantId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { issueAccessToken } from '../tokens/access-token.ts'
import { issuableScopes } from '../tokens/issuable-scopes.ts'
import type { IssuedTokens } from '../tokens/issue-for-person.ts'
import { notesAboutDropped, requestedResources, requestedScopesOfMachine } from '../tokens/requested-scopes.ts'
import type { AuthenticatedClient } from './authenticate-client.ts'

/**
 * Issues an access token to a client that acts for itself (client_credentials, RFC 6749 §4.4). The token belongs to the standing grant of
 * the credential. That grant is read together with the client, so after the first token of a credential the client is the only thing
 * read from the database.
 *
 * @param request `scope` and `resource` of the token request
 * @throws OAuthError `unauthorized_client`, `invalid_client`, `invalid_scope`, `invalid_target`; KeysUnavailable, TooManyWaiting
 */
export async function issueForClient(
  signet: Signet,
  { client, credential }: AuthenticatedClient,
  request: { readonly scope: string | undefined; readonly resource: readonly string[] },
): Promise<IssuedTokens> {
  // RFC 6749 §4.4: confidential clients only.
  if (!credential) throw new OAuthError('client_proves_nothing')
  const { scopes, dropped } = requestedScopesOfMachine(client, request.scope)
  const resources = requestedResources(client, request.resource, signet.settings.issuer)
  const { target, scopes: targetScopes } = issuableScopes(
    client,
    { scopes, resources, terms: undefined },
    { scopes, resource: resources },
    signet.settings.issuer,
  )
  const grantId =
    credential.standingGrant ??
    (await signet.turns.take(`standing grant ${client.client_id}`, () =>
      openStandingGrant(signet.database, {
        id: randomText(16) as GrantId,
        clientId: client.client_id,
        secretId: credential.secretId,
        scopes: scopesOf(client.scope),
        resources: client.resources,
      }),
    ))
  if (grantId === undefined) throw new OAuthError('client_credential_replaced')
  const { token, expiresIn, alg } = await issueAccessToken(signet, {
    client,
    sub: undefined,
    target,
    scopes: targetScopes,
    grantId,
  })
  const audience = target.kind === 'issuer' ? signet.settings.issuer : target.resource.identifier
  signet.tokenCounter.count({ clientId: client.client_id, grantId, audience })
  // RFC 6749 §4.4.3: no refresh token.
  const notes = notesAboutDropped(client, dropped)
  return { accessToken: token, expiresIn, scopes: targetScopes, algorithms: { access: alg }, notes }
}
