import type { Queryable } from '../../platform/database/queryable.ts'
import type { Client } from './client.ts'
import { findClient } from './clients-store.ts'

/** The clients that this node has in memory. */
export interface KnownClients {
  /** One that is in memory, and as far as is known has not changed: it is behind by `maxStaleness` at the most. */
  known(clientId: string): Client | undefined
  /** Reads one from the database, and keeps it. */
  read(clientId: string): Promise<Client | undefined>
  /** Drops all that is in memory: PostgreSQL has notified this node that some have changed (NOTIFY on `signet_clients`, start.ts). */
  forget(): void
}

/** A client from memory, or else from the database; undefined if there is no such client. */
export async function knownOrRead(clients: KnownClients, clientId: string): Promise<Client | undefined> {
  return clients.known(clientId) ?? clients.read(clientId)
}

/** Clients in memory at the most, of some 4 KB each. */
const most = 5_000

/** @param isLive whether `forget` is called when a client changes; while it is not, nothing in memory is trusted */
export function createKnownClients(db: Queryable, isLive: () => boolean): KnownClients {
  const clients = new Map<string, Client>()
  let changes = 0
  return {
    known: (clientId) => (isLive() ? clients.get(clientId) : undefined),
    read: async (clientId) => {
      const before = changes
      const client = await findClient(db, clientId)
      // What changed while it was read may have changed it.
      if (client && before === changes && isLive()) {
        if (clients.size >= most) clients.clear()
        clients.set(clientId, client)
      }
      return client
    },
    forget: () => {
      changes++
      clients.clear()
    },
  }
}
