import type { Client } from 'pg'
import { assertSchemaName } from './hosts.ts'
import { type MigrateOptions, migrateOn, readSchemaState, type SchemaState } from './migrations.ts'
import { endConnection, openConnection } from './open-connection.ts'
import { type Probed, type ProbeOptions, probePooler } from './pooler.ts'

/**
 * Run at startup before the pool is opened: detects a connection pooler, and then migrates, on one connection. If Signet cannot work with
 * the pooler, nothing is changed.
 *
 * @throws PoolerError and MigrationError, which say what to do; DatabaseReadOnly; the signal's reason; otherwise what the database reports
 */
export async function prepareDatabase(options: Omit<MigrateOptions, 'connection'> & ProbeOptions): Promise<Probed> {
  return onOneConnection('signet migrate', options, async (client) => {
    const probed = await probePooler(client, options)
    await migrateOn(client, options)
    return probed
  })
}

/**
 * Run by commands before they open a pool: the same, but it only reads the state of the schema and changes nothing.
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
    await endConnection(client)
  }
}
