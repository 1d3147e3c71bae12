import { inTransaction } from '../platform/database/queryable.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import { type Client, usesSecret } from '../records/clients/client.ts'
import {
  addClientSecret,
  deleteClientSecret,
  listClientSecrets,
  type RevokedSecrets,
} from '../records/clients/client-secrets-store.ts'
import { findClient, lockClient } from '../records/clients/clients-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { ClientId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'

/*
 * A secret that is revoked is refused as soon as a node hears of it: in milliseconds, and within seconds where the connection that tells it
 * has died (records/clients/known-clients.ts). The standing grant of the secret, and so every access token that the client got for itself by it
 * (client_credentials), ends in the same transaction. The grants of people go on: their codes and refresh tokens are of no use without
 * a secret that is accepted.
 */

/** The client with a new secret, which is nowhere else in clear. */
export interface RotatedSecret {
  readonly client: Client
  readonly secret: string
  /** The secrets that are no longer accepted, and the standing grants that ended with them. */
  readonly revoked: RevokedSecrets
}

/**
 * Gives a client a new secret.
 *
 * @param old `newest kept`: the secret before it is accepted until the next rotation, so that the client can be moved over without an
 *   outage. `revoked`: no other secret is accepted any longer, for one that has leaked
 */
export async function rotateClientSecret(
  { database }: Pick<Signet, 'database'>,
  actor: Actor,
  clientId: ClientId,
  old: 'newest kept' | 'revoked',
): Promise<RotatedSecret | 'no_such_client' | { readonly usesNoSecret: Client }> {
  const secret = randomText(32)
  return inTransaction(database, async (tx) => {
    if (!(await lockClient(tx, clientId))) return 'no_such_client'
    const client = await findClient(tx, clientId)
    if (!client) return 'no_such_client'
    if (!usesSecret(client)) return { usesNoSecret: client }
    const revoked = await addClientSecret(tx, clientId, digest(secret), old)
    const detail = old === 'revoked' ? { secrets_revoked: revoked.secrets, grants_ended: revoked.grants } : {}
    await recordEvent(tx, { type: 'client_secret_rotated', ...originOf(actor), clientId, detail })
    return { client, secret, revoked }
  })
}

/**
 * Takes one of several secrets away from a client. The only one stays: without any, the client could not authenticate at all.
 *
 * @returns how many standing grants ended with it
 */
export async function revokeClientSecret(
  { database }: Pick<Signet, 'database'>,
  actor: Actor,
  clientId: ClientId,
  secretId: number,
): Promise<{ readonly grants: number } | 'no_such_client' | 'no_such_secret' | 'only_secret'> {
  return inTransaction(database, async (tx) => {
    if (!(await lockClient(tx, clientId))) return 'no_such_client'
    const secrets = await listClientSecrets(tx, clientId)
    if (!secrets.some(({ id }) => id === secretId)) return 'no_such_secret'
    if (secrets.length === 1) return 'only_secret'
    const { grants } = await deleteClientSecret(tx, clientId, secretId)
    const detail = { secret_id: secretId, grants_ended: grants }
    await recordEvent(tx, { type: 'client_secret_revoked', ...originOf(actor), clientId, detail })
    return { grants }
  })
}
