import type { Command } from 'commander'
import { readSettings } from '../platform/config/settings.ts'
import { reportIfSlow, slowSteps } from '../platform/progress.ts'
import { ifInterrupted } from './command-failures.ts'
import { json } from './flags.ts'
import { type Format, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'
import { quietLog, reportDatabase, reportTo, stopIfInterrupted } from './with-signet.ts'

/**
 * `signet migrate`: for operators who migrate before the first node of a release starts. Every start of the server migrates too. Apart
 * from `serve`, this is the only command that creates anything if there is no installation: the embedded database and the schema. Keys
 * and secrets are left to the first start, because a migration job may not have a persistent keys directory.
 */
export function migrateCommand(program: Command, terminal: Terminal): void {
  program
    .command('migrate')
    .description('Create or update the database schema for this release. Every start of the server does this too.')
    .addOption(json())
    .action(async (format: Format) => {
      const settings = readSettings(terminal.environment, terminal.folder)
      const report = reportTo(terminal, settings)
      const [log, { reachDatabase }, { migrate }] = await Promise.all([
        quietLog(settings),
        import('../reach-database.ts'),
        import('../platform/database/migrations.ts'),
      ])
      const { connection, leave } = await reachDatabase(settings, log, report)
      try {
        stopIfInterrupted(terminal)
        await reportDatabase(terminal, settings)
        const schema = settings.databaseSchema
        const options = { connection, schema, log, signal: terminal.stopSignal }
        const { applied, version } = await reportIfSlow(report, slowSteps.migrations, () => migrate(options)).catch(
          ifInterrupted('Interrupted; completed migrations are kept.'),
        )
        const note = applied.length === 0 ? 'The database was up to date.' : 'The database is up to date now.'
        printOne(terminal, format, { schema, version, applied }, [note])
      } finally {
        await leave()
      }
    })
}
