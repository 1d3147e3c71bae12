import { inTransaction } from '../platform/database/queryable.ts'
import { randomText } from '../platform/secrets/digest.ts'
import { type Client, usesSecret } from '../records/clients/client.ts'
import {
  addClientSecret,
  deleteClientSecret,
  listClientSecrets,
  type RevokedSecrets,
} from '../records/clients/client-secrets-store.ts'
import { findClient, lockClient } from '../records/clients/clients-store.ts'
import { storedSecret } from '../records/clients/hmac-secrets.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { ClientId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'
import type { Registry } from './client-registration.ts'

/*
 * A node rejects a revoked secret as soon as it is notified: within milliseconds, or within seconds if its LISTEN connection has died
 * (records/clients/client-cache.ts). The same transaction ends the standing grant of the secret, and with it every access token that the client
 * obtained with the secret through client_credentials. Grants of people continue: their codes and refresh tokens are useless without an
 * accepted secret.
 */

/** The client with its new secret. */
export interface RotatedSecret {
  readonly client: Client
  readonly secret: string
  /** How many secrets are no longer accepted, and how many standing grants ended with them. */
  readonly revoked: RevokedSecrets
}

/**
 * Creates a new secret for a client.
 *
 * @param old `newest kept`: the previous secret is accepted until the next rotation, so that the client can be switched over without an
 *   outage. `revoked`: no other secret is accepted any more, for use after a leak
 */
export async function rotateClientSecret(
  { database, secrets }: Registry,
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
    const revoked = await addClientSecret(tx, clientId, storedSecret(secrets, clientId, client, secret), old)
    const detail = old === 'revoked' ? { secrets_revoked: revoked.secrets, grants_ended: revoked.grants } : {}
    await recordEvent(tx, { type: 'client_secret_rotated', ...originOf(actor), clientId, detail })
    return { client, secret, revoked }
  })
}

/**
 * Revokes one of several secrets of a client. The only secret cannot be revoked, because the client could not authenticate without it.
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
