import type { Test } from 'tap'
import { createPool, type Database } from '../../src/platform/database/pool.ts'
import { noLog } from '../database.ts'
import type { Idp } from './idp.ts'

/** A pool on the schema of a running Signet without a statement timeout: inserting many rows takes long on a busy machine. */
export function openSeedingPool(t: Test, { signet: { settings } }: Idp): Database {
  const pool = createPool({
    connection: { connectionString: settings.databaseUrl ?? '' },
    schema: settings.databaseSchema,
    ...{ max: 1, connectTimeoutMs: 60_000, queryTimeoutMs: 300_000, log: noLog },
  })
  t.teardown(() => pool.end())
  return pool
}
