import type { Queryable } from '../../platform/database/queryable.ts'
import { sharedByKey } from '../../platform/shared-work.ts'
import type { Client } from './client.ts'
import { findClient } from './clients-store.ts'

/** The clients that this node caches. */
export interface ClientCache {
  /** A client from the cache, at most `maxStaleness` out of date (platform/database/heartbeat.ts). */
  cached(clientId: string): Client | undefined
  /**
   * Reads a client from the database, and caches it. Calls for the same client share reads: one runs at a time, and it starts after each of its
   * callers called. So a change that was committed before the call is seen, and a thousand calls at the same moment cost two reads.
   */
  read(clientId: string): Promise<Client | undefined>
  /** Empties the cache. Called when PostgreSQL reports that clients have changed (NOTIFY on `signet_clients`, start.ts). */
  clear(): void
}

/** A client from the cache, otherwise from the database; undefined if there is no such client. */
export async function cachedOrRead(clients: ClientCache, clientId: string): Promise<Client | undefined> {
  return clients.cached(clientId) ?? clients.read(clientId)
}

/** The maximum number of cached clients, at about 4 KB each. */
const maxClients = 5_000

/**
 * @param isLive whether all changes committed more than `maxStaleness` ago have reached this node. While it is not known, the cache is not
 *   used
 */
export function createClientCache(db: Queryable, isLive: () => boolean): ClientCache {
  const clients = new Map<string, Client>()
  let changes = 0
  const readNow = async (clientId: string) => {
    const before = changes
    const client = await findClient(db, clientId)
    // If anything changed during the read, the result may already be out of date.
    if (client && before === changes && isLive()) {
      if (clients.size >= maxClients) clients.clear()
      clients.set(clientId, client)
    }
    return client
  }
  return {
    cached: (clientId) => (isLive() ? clients.get(clientId) : undefined),
    read: sharedByKey(readNow),
    clear: () => {
      changes++
      clients.clear()
    },
  }
}
