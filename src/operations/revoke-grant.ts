import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { endGrant } from '../records/endings/end-rows-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { GrantId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'

/**
 * Ends a grant, and with it its codes, refresh tokens and access tokens. That is final.
 *
 * @param grant `sub` undefined: client_credentials
 * @returns false where it had ended before
 */
export async function revokeGrant(
  { database, turns }: Pick<Signet, 'database' | 'turns'>,
  actor: Exclude<Actor, { kind: 'person' }>,
  grant: { readonly id: GrantId; readonly clientId: string; readonly sub: string | undefined },
): Promise<boolean> {
  const end = async (tx: Queryable): Promise<boolean> => {
    if (!(await endGrant(tx, grant.id, actor.kind === 'client' ? 'revoked_by_client' : 'revoked_by_operator')))
      return false
    const type = actor.kind === 'client' ? 'token_revoked' : 'grant_revoked'
    await recordEvent(tx, { type, ...originOf(actor), clientId: grant.clientId, sub: grant.sub, grantId: grant.id })
    return true
  }
  return turns.take(`grant ${grant.id}`, () => inTransaction(database, end))
}
