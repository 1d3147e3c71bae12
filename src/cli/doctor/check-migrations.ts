import type { DatabaseConnection } from '../../platform/database/hosts.ts'
import { MigrationError, pendingMigrations } from '../../platform/database/migrations.ts'
import { bad, type Finding, good, warning } from './finding.ts'
import { reasonOf } from './reason.ts'

/** How the schema stands to this release. @throws what the database says */
export async function checkMigrations(connection: DatabaseConnection, schema: string): Promise<Finding> {
  try {
    const pending = await pendingMigrations({ connection, schema })
    return pending.length === 0
      ? good('migrations', 'The schema has the shape that this release needs.')
      : warning(
          'migrations',
          `Not applied yet: ${pending.join(', ')}.`,
          "The next start applies them; so does 'signet migrate'.",
        )
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error
    return bad('migrations', reasonOf(error), 'Run the release that the database was last used with, or a newer one.')
  }
}
