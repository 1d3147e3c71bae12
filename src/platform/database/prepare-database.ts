import { openConnection, sayGoodbye } from './connect.ts'
import { assertSchemaName } from './connection.ts'
import { type MigrateOptions, migrateOn } from './migrations.ts'
import { type Probed, type ProbeOptions, probePooler } from './pooler.ts'

/**
 * What a start does before it opens its pool: finds out what is between us and PostgreSQL, and then migrates, on one connection.
 * Nothing is changed where Signet could not work.
 *
 * @throws PoolerError and MigrationError, with what to do; DatabaseReadOnly; the signal's reason; otherwise what the database reports
 */
export async function prepareDatabase(options: Omit<MigrateOptions, 'connection'> & ProbeOptions): Promise<Probed> {
  const { hosts, schema, signal } = options
  assertSchemaName(schema)
  signal?.throwIfAborted()
  const { client } = await openConnection({
    hosts,
    applicationName: 'signet migrate',
    connectTimeoutMs: 10_000,
    setup: { schema, session: 'untouched' },
  })
  try {
    const probed = await probePooler(client, options)
    await migrateOn(client, options)
    return probed
  } finally {
    await sayGoodbye(client)
  }
}
