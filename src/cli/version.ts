import type { Command } from 'commander'
import { packageVersion } from '../platform/config/installation-folder.ts'
import { json } from './flags.ts'
import { type Format, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'

/** `signet version` and `signet --version`: they need no database and no settings. */
export function versionCommand(program: Command, terminal: Terminal): void {
  program.version(packageVersion(), '--version', 'print the version')
  program
    .command('version')
    .description('Print the version.')
    .addOption(json())
    .action((format: Format) => {
      const version = packageVersion()
      if (format.json) printOne(terminal, format, { version })
      else terminal.writeOut(`${version}\n`)
    })
}
