import { inTransaction } from '../platform/database/queryable.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import {
  deleteRegistrationToken,
  insertRegistrationToken,
  type RegistrationToken,
} from '../records/clients/registration-tokens-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { type Operator, originOf } from './actor.ts'

type Context = Pick<Signet, 'database'>

/**
 * Creates an initial access token (RFC 7591 §3) of 256 random bits. The database stores only its digest.
 *
 * @param options.ttl seconds
 * @param options.maxUses undefined: any number
 */
export async function createRegistrationToken(
  { database }: Context,
  actor: Operator,
  options: { readonly ttl: number; readonly maxUses: number | undefined; readonly note: string | undefined },
): Promise<{ readonly stored: RegistrationToken; readonly token: string }> {
  const token = randomText(32)
  return inTransaction(database, async (tx) => {
    const stored = await insertRegistrationToken(tx, { ...options, digest: digest(token) })
    const detail = {
      ...{ token_id: stored.id, expires_at: stored.expiresAt.toISOString() },
      ...(options.maxUses !== undefined && { max_uses: options.maxUses }),
      ...(options.note !== undefined && { note: options.note }),
    }
    await recordEvent(tx, { type: 'registration_token_created', ...originOf(actor), detail })
    return { stored, token }
  })
}

/** Makes an initial access token void at once. Clients that have registered with it stay. */
export async function revokeRegistrationToken(
  { database }: Context,
  actor: Operator,
  id: number,
): Promise<'revoked' | 'no_such_token'> {
  return inTransaction(database, async (tx) => {
    if (!(await deleteRegistrationToken(tx, id))) return 'no_such_token'
    await recordEvent(tx, { type: 'registration_token_revoked', ...originOf(actor), detail: { token_id: id } })
    return 'revoked'
  })
}
