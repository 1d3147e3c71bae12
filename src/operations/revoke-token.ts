import type { Signet } from '../signet.ts'
import { findPresentedToken } from '../tokens/presented-token.ts'
import type { Actor } from './actor.ts'
import { revokeGrant } from './revoke-grants.ts'

/** Why a token was not revoked: the entry in the error registry, and details for the operator. */
export interface RevocationRefused {
  readonly refused: 'token_of_another_client' | 'token_not_revocable'
  readonly detail?: string
}

/**
 * Revokes a token for the client that it was issued to (RFC 7009 §2.1). Revoking any token of a grant ends the grant: the refresh token and the
 * access tokens belong to one authorization, and revoking one of them revokes all of it.
 *
 * @param text the token, as the client sent it
 * @returns undefined if the token is not valid any more, or never was
 */
export async function revokeToken(
  signet: Signet,
  actor: Extract<Actor, { kind: 'client' }>,
  text: string,
): Promise<RevocationRefused | undefined> {
  const token = await findPresentedToken(signet, text)
  // RFC 7009 §2.2: an invalid token is not an error, because the client's goal has already been reached.
  if (!token) return undefined
  // §2.1: a token of another client is refused and stays valid.
  const { grant } = token.status
  if (grant.clientId !== actor.clientId)
    return { refused: 'token_of_another_client', detail: `grant ${grant.id} belongs to client ${grant.clientId}` }
  // The standing grant belongs to the credential. Ending it would let one instance of a client stop all the others.
  if (grant.sub === undefined) return { refused: 'token_not_revocable' }
  await revokeGrant(signet, actor, grant)
  return undefined
}
