import type { Listener } from '../../platform/database/listener.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { Client } from './client.ts'
import { findClient } from './clients-store.ts'

/** The clients that this node has in memory. */
export interface KnownClients {
  /** One that is in memory, and as far as is known has not changed: it is behind by `heardWithin` at the most. */
  known(clientId: string): Client | undefined
  /** Reads one from the database, and keeps it. */
  read(clientId: string): Promise<Client | undefined>
  stop(): Promise<void>
}

/** Clients in memory at the most, of some 4 KB each. */
const most = 5_000

/**
 * @param listen begins to listen for changes of clients; called when the first client is wanted, so that commands, which want none,
 * open no connection for it
 */
export function createKnownClients(db: Queryable, listen: (onChange: () => void) => Listener): KnownClients {
  const clients = new Map<string, Client>()
  let changes = 0
  let listener: Listener | undefined
  const onChange = () => {
    changes++
    clients.clear()
  }
  return {
    known: (clientId) => (listener?.hears() ? clients.get(clientId) : undefined),
    read: async (clientId) => {
      listener ??= listen(onChange)
      const before = changes
      const client = await findClient(db, clientId)
      // What changed while it was read may have changed it.
      if (client && before === changes && listener.hears()) {
        if (clients.size >= most) clients.clear()
        clients.set(clientId, client)
      }
      return client
    },
    stop: async () => listener?.stop(),
  }
}
