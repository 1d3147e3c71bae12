import type { Queryable } from '../platform/database/queryable.ts'
import type { Client } from '../records/clients/client.ts'
import { findClient } from '../records/clients/clients-store.ts'
import { CommandFailed } from './command-failures.ts'

/** @throws CommandFailed if there is no such client */
export async function requireClient(db: Queryable, clientId: string): Promise<Client> {
  const client = await findClient(db, clientId)
  if (!client) throw noSuchClient(clientId)
  return client
}

export function noSuchClient(clientId: string): CommandFailed {
  return new CommandFailed(`There is no client ${clientId.slice(0, 80)}. To list clients: signet clients list`)
}
