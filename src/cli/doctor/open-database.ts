import type { Socket } from 'node:net'
import { hasLocalPostgres } from '#local-postgres'
import type { Settings } from '../../platform/config/settings.ts'
import { queryTimeoutMs } from '../../platform/database/connection-setup.ts'
import { type DatabaseConnection, hostsOf } from '../../platform/database/hosts.ts'
import { destroyConnection, openConnection } from '../../platform/database/open-connection.ts'
import { createPool, type Database } from '../../platform/database/pool.ts'
import { type Probed, probePooler } from '../../platform/database/pooler.ts'
import { isLoopback } from '../../platform/network-address.ts'
import { reachDatabase } from '../../reach-database.ts'
import { stepTimeout } from './reason.ts'

export interface OpenedDatabase {
  readonly connection: DatabaseConnection
  readonly database: Database
  /** What is between Signet and PostgreSQL. */
  readonly probed: Probed
  /** Whether the connection of this process is local or encrypted. */
  readonly isPrivate: boolean
  leave(): Promise<void>
}

/** No log: problems are reported as findings. */
const noLog = { info: () => {}, warn: () => {} }

/**
 * Opens the database as it is: nothing is created or migrated. Undefined if the embedded database has never been started.
 *
 * @throws LocalPostgresError; PoolerError; what the database or its driver reports
 */
export async function openDatabase(settings: Settings): Promise<OpenedDatabase | undefined> {
  const { databaseUrl, databaseSchema: schema, dataDir } = settings
  if (databaseUrl === undefined && !(await hasLocalPostgres(dataDir))) return undefined
  const { connection, leave } = await reachDatabase(settings, noLog, () => {})
  try {
    const { probed, isPrivate } = await probe(connection, settings)
    const { session, namedStatements } = probed.route
    const database = createPool({
      ...{ connection, schema, session, namedStatements, allowReadOnly: true, log: noLog },
      ...{ max: 2, connectTimeoutMs: stepTimeout, queryTimeoutMs: stepTimeout },
    })
    return {
      connection,
      database,
      probed,
      isPrivate,
      leave: async () => {
        await database.end()
        await leave()
      },
    }
  } catch (error) {
    await leave()
    throw error
  }
}

async function probe(
  connection: DatabaseConnection,
  settings: Settings,
): Promise<Pick<OpenedDatabase, 'probed' | 'isPrivate'>> {
  const { databaseSchema: schema, databasePreparedStatements: preparedStatements } = settings
  const hosts = hostsOf(connection)
  const { client } = await openConnection({
    ...{ hosts, applicationName: 'signet doctor', allowReadOnly: true },
    setup: { schema, session: 'untouched' },
    ...{ connectTimeoutMs: stepTimeout, queryTimeoutMs: stepTimeout },
  })
  try {
    const { stream } = client.connection
    const { remoteAddress } = stream as Socket
    return {
      // A Unix socket has no address.
      isPrivate: 'encrypted' in stream || remoteAddress === undefined || isLoopback(remoteAddress),
      probed: await probePooler(client, {
        ...{ hosts, schema, preparedStatements, queryTimeoutMs, probeTimeoutMs: stepTimeout },
      }),
    }
  } finally {
    destroyConnection(client)
  }
}
