import { joinLocalPostgres } from '#local-postgres'
import type { Settings } from './platform/config/settings.ts'
import type { DatabaseConnection } from './platform/database/hosts.ts'
import type { DatabaseLog } from './platform/log.ts'
import { isLoopbackHost } from './platform/network-address.ts'
import { type Report, reportIfSlow, slowSteps } from './platform/progress.ts'

export interface ReachedDatabase {
  readonly connection: DatabaseConnection
  /** Releases the embedded database. Call it after the last connection is closed. */
  leave(): Promise<void>
}

/**
 * Provides the database that the settings name, or the embedded one, which is created and started if needed. A command that must
 * not create it calls `hasLocalPostgres` first.
 *
 * @param report called if starting the embedded database takes long
 * @throws LocalPostgresError
 */
export async function reachDatabase(
  { databaseUrl, dataDir, issuer }: Pick<Settings, 'databaseUrl' | 'dataDir' | 'issuer'>,
  log: DatabaseLog,
  report: Report,
): Promise<ReachedDatabase> {
  if (databaseUrl !== undefined) return { connection: { connectionString: databaseUrl }, leave: async () => {} }
  // Running as root is allowed for trying Signet out on loopback, but refused for a public issuer.
  const allowRoot = isLoopbackHost(new URL(issuer).hostname)
  return reportIfSlow(report, slowSteps.embeddedDatabase, () => joinLocalPostgres({ dataDir, allowRoot, log }))
}
