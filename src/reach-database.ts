import { joinLocalPostgres } from '#local-postgres'
import type { Settings } from './platform/config/settings.ts'
import type { DatabaseConnection } from './platform/database/hosts.ts'
import type { DatabaseLog } from './platform/log.ts'
import { isLoopbackHost } from './platform/network-address.ts'
import { type Report, reportIfSlow, slowSteps } from './platform/progress.ts'

export interface ReachedDatabase {
  readonly connection: DatabaseConnection
  /** Ends the use of the embedded database, after the last connection is closed. */
  leave(): Promise<void>
}

/**
 * The database that the settings name: the operator's own, or else the embedded one, which is created and started if need be. A
 * command that must not create it asks `hasLocalPostgres` first.
 *
 * @param report told if starting the embedded database takes long
 * @throws LocalPostgresError
 */
export async function reachDatabase(
  { databaseUrl, dataDir, issuer }: Pick<Settings, 'databaseUrl' | 'dataDir' | 'issuer'>,
  log: DatabaseLog,
  report: Report,
): Promise<ReachedDatabase> {
  if (databaseUrl !== undefined) return { connection: { connectionString: databaseUrl }, leave: async () => {} }
  // Root is a way to try Signet out. Whoever serves others with it is told to do better.
  const allowRoot = isLoopbackHost(new URL(issuer).hostname)
  return reportIfSlow(report, slowSteps.embeddedDatabase, () => joinLocalPostgres({ dataDir, allowRoot, log }))
}
