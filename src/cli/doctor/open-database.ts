import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isLoopbackHost } from '../../platform/config/issuer.ts'
import type { Settings } from '../../platform/config/settings.ts'
import type { DatabaseConnection } from '../../platform/database/connection.ts'
import { joinEmbedded } from '../../platform/database/embedded.ts'
import { createPool, type Database } from '../../platform/database/pool.ts'
import { stepLimit } from './reason.ts'

export interface OpenedDatabase {
  readonly connection: DatabaseConnection
  readonly database: Database
  leave(): Promise<void>
}

/** What goes wrong is told as a finding. */
const noLog = { info: () => {}, warn: () => {} }

/**
 * The database as it is: nothing is created and nothing migrated. Undefined where the embedded one has never been started.
 *
 * @throws EmbeddedDatabaseError, and what `pg` says of a URL that it cannot read
 */
export async function openDatabase(settings: Settings): Promise<OpenedDatabase | undefined> {
  const { databaseUrl, databaseSchema: schema, dataDir, issuer } = settings
  // What is not there would be made; a link that leads nowhere, too.
  if (databaseUrl === undefined && !(await exists(join(dataDir, 'postgresql', 'data')))) return undefined
  const embedded =
    databaseUrl === undefined
      ? await joinEmbedded({ dataDir, issuerIsLoopback: isLoopbackHost(new URL(issuer).hostname), log: noLog })
      : undefined
  const connection = embedded?.connection ?? { connectionString: databaseUrl as string }
  const limits = { max: 2, connectTimeoutMs: stepLimit, queryTimeoutMs: stepLimit }
  try {
    const database = createPool({ connection, schema, log: noLog, ...limits, readOnlyIsFine: true })
    return {
      connection,
      database,
      leave: async () => {
        await database.end()
        await embedded?.leave()
      },
    }
  } catch (error) {
    await embedded?.leave()
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
