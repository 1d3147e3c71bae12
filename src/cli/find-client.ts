import type { Queryable } from '../platform/database/queryable.ts'
import type { Client } from '../records/clients/client.ts'
import { findClient } from '../records/clients/clients-store.ts'
import { CommandFailed } from './command-failures.ts'

/** @throws CommandFailed where there is none */
export async function needClient(db: Queryable, clientId: string): Promise<Client> {
  const client = await findClient(db, clientId)
  if (!client) throw noSuchClient(clientId)
  return client
}

export function noSuchClient(clientId: string): CommandFailed {
  return new CommandFailed(`There is no client ${clientId.slice(0, 80)}: signet clients list shows them.`)
}
