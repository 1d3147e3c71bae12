import type { Command } from 'commander'
import { isLoopbackHost } from '../platform/config/issuer.ts'
import { readSettings } from '../platform/config/settings.ts'
import { reportIfSlow, slowSteps } from '../platform/progress.ts'
import { ifInterrupted } from './failures.ts'
import { json } from './flags.ts'
import { type Format, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'
import { quietLog, reportTo, stopIfAsked } from './with-signet.ts'

/** `signet migrate`: for who wants it done before the first node of a release starts. Each start does it, too. */
export function migrateCommand(program: Command, terminal: Terminal): void {
  program
    .command('migrate')
    .description('Bring the database to the shape that this release needs. Every start does so by itself.')
    .addOption(json())
    .action(async (format: Format) => {
      const settings = readSettings(terminal.environment, terminal.folder)
      const report = reportTo(terminal, settings)
      const [log, { joinEmbedded }, { migrate }] = await Promise.all([
        quietLog(settings),
        import('../platform/database/embedded.ts'),
        import('../platform/database/migrations.ts'),
      ])
      const { issuer, dataDir, databaseUrl, databaseSchema: schema } = settings
      const issuerIsLoopback = isLoopbackHost(new URL(issuer).hostname)
      const embedded =
        databaseUrl === undefined
          ? await reportIfSlow(report, slowSteps.embeddedDatabase, () =>
              joinEmbedded({ dataDir, issuerIsLoopback, log }),
            )
          : undefined
      try {
        stopIfAsked(terminal)
        const connection = embedded?.connection ?? { connectionString: databaseUrl ?? '' }
        const options = { connection, schema, log, signal: terminal.asked }
        const { applied, version } = await reportIfSlow(report, slowSteps.migrations, () => migrate(options)).catch(
          ifInterrupted('Interrupted; migrations that were complete are kept.'),
        )
        const note = applied.length === 0 ? 'The database was up to date.' : 'The database is up to date now.'
        printOne(terminal, format, { schema, version, applied }, [note])
      } finally {
        await embedded?.leave()
      }
    })
}
