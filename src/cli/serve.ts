import type { Command } from 'commander'
import { buildApp } from '../app.ts'
import { installationFolder } from '../platform/config/installation-folder.ts'
import { readSettings } from '../platform/config/settings.ts'
import { createLog } from '../platform/log.ts'
import { start } from '../start.ts'

/** `signet serve`: runs until it is told to stop, and then lets what has begun come to its end. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('Start the server.')
    .action(async () => {
      const settings = readSettings(process.env, installationFolder())
      const log = createLog(settings)
      const { signet, stop } = await start(settings, log)
      const app = buildApp(signet)
      try {
        await app.listen({ host: settings.host, port: settings.port })
      } catch (error) {
        await stop()
        throw error
      }
      process.stdout.write(`Signet is ready: ${settings.issuer}\n`)
      await asked()
      await app.close()
      await stop()
    })
}

/** Resolves at the first signal to end; a second one ends the process at once. */
function asked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        process.once(signal, () => process.exit(1))
        resolve()
      })
  })
}
