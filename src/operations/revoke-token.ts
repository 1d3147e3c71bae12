import type { Signet } from '../signet.ts'
import { findPresentedToken } from '../tokens/presented-token.ts'
import type { Actor } from './actor.ts'
import { revokeGrant } from './revoke-grants.ts'

/** Why a token is not revoked: the entry of the error registry, with details for the operator. */
export interface RevocationRefused {
  readonly refused: 'token_of_another_client' | 'token_not_revocable'
  readonly detail?: string
}

/**
 * Revokes a token for the client that it was issued to (RFC 7009 §2.1). Revoking any token of a grant ends the grant: refresh token and
 * access tokens are one authorization, and a client that revokes one token revokes the whole of it.
 *
 * @param text the token, as the client sent it
 * @returns undefined when the token is good for nothing any more, or never was
 */
export async function revokeToken(
  signet: Signet,
  actor: Extract<Actor, { kind: 'client' }>,
  text: string,
): Promise<RevocationRefused | undefined> {
  const token = await findPresentedToken(signet, text)
  // RFC 7009 §2.2: what is not a token of ours, or not one any more, is what the client wanted it to be.
  if (!token) return undefined
  // §2.1: a token of another client is refused, and nothing happens to it.
  const { grant } = token.status
  if (grant.clientId !== actor.clientId)
    return { refused: 'token_of_another_client', detail: `grant ${grant.id} is of client ${grant.clientId}` }
  // The standing grant belongs to the credential: else one pod could stop all the others.
  if (grant.sub === undefined) return { refused: 'token_not_revocable' }
  await revokeGrant(signet, actor, grant)
  return undefined
}
