import type { Client } from 'pg'
import { assertSchemaName } from './hosts.ts'
import { type MigrateOptions, migrateOn, readSchemaState, type SchemaState } from './migrations.ts'
import { openConnection, sayGoodbye } from './open-connection.ts'
import { type Probed, type ProbeOptions, probePooler } from './pooler.ts'

/**
 * What a start does before it opens its pool: finds out what is between us and PostgreSQL, and then migrates, on one connection.
 * Nothing is changed where Signet could not work.
 *
 * @throws PoolerError and MigrationError, with what to do; DatabaseReadOnly; the signal's reason; otherwise what the database reports
 */
export async function prepareDatabase(options: Omit<MigrateOptions, 'connection'> & ProbeOptions): Promise<Probed> {
  return onOneConnection('signet migrate', options, async (client) => {
    const probed = await probePooler(client, options)
    await migrateOn(client, options)
    return probed
  })
}

/**
 * What a command does before it opens its pool: the same, but it only looks at the schema and changes nothing.
 *
 * @throws as `prepareDatabase` does
 */
export async function inspectDatabase(
  options: ProbeOptions & Pick<MigrateOptions, 'signal'>,
): Promise<Probed & { readonly state: SchemaState }> {
  return onOneConnection('signet', options, async (client) => ({
    ...(await probePooler(client, options)),
    state: await readSchemaState(client, options.schema),
  }))
}

async function onOneConnection<T>(
  applicationName: string,
  { hosts, schema, signal }: ProbeOptions & Pick<MigrateOptions, 'signal'>,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  assertSchemaName(schema)
  signal?.throwIfAborted()
  const { client } = await openConnection({
    ...{ hosts, applicationName, connectTimeoutMs: 10_000 },
    setup: { schema, session: 'untouched' },
  })
  try {
    return await work(client)
  } finally {
    await sayGoodbye(client)
  }
}
