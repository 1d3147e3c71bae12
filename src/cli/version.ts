import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { packageFolder } from '../platform/config/installation-folder.ts'
import { json } from './flags.ts'
import { type Format, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'

/** `signet version`: needs no database and no settings. */
export function versionCommand(program: Command, terminal: Terminal): void {
  program
    .command('version')
    .description('Print the version.')
    .addOption(json())
    .action((format: Format) => {
      const text = readFileSync(join(packageFolder, 'package.json'), 'utf8')
      const { version } = JSON.parse(text) as { version: string }
      if (format.json) printOne(terminal, format, { version })
      else terminal.writeOut(`${version}\n`)
    })
}
