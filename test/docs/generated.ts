import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { noteNames, noteRegistry } from '../../src/protocol/operator-notes.ts'
import { commandsTable } from '../cli/commands-table.ts'
import { settingsTable } from '../platform/config/settings-table.ts'
import { metricsTable } from '../platform/metrics-table.ts'
import { errorsTable } from '../protocol/errors/errors-table.ts'
import { clientPages, withClientBlocks } from './client-blocks.ts'
import { clientMatrix } from './client-matrix.ts'
import { keyTimeline } from './key-timeline.ts'
import { metadataTable } from './metadata-variants.ts'

/** The parts of the documentation that are generated from the sources. Run as a program, this file writes them. */
export const generated = [
  { page: join(packageFolder, 'docs/settings.md'), table: settingsTable },
  { page: join(packageFolder, 'docs/commands.md'), table: commandsTable },
  { page: join(packageFolder, 'docs/errors.md'), table: errorsTable },
  { page: join(packageFolder, 'docs/metrics.md'), table: metricsTable },
  { page: join(packageFolder, 'docs/events.md'), table: notesList },
  { page: join(packageFolder, 'docs/keys.md'), table: keySettingsTable },
  { page: join(packageFolder, 'docs/clients/README.md'), table: clientMatrix },
  { page: join(packageFolder, 'docs/standards.md'), table: metadataTable },
]

/** Images that are generated from the sources. */
export const drawn = [{ file: join(packageFolder, 'docs/images/key-timeline.svg'), draw: keyTimeline }]

/** The rows of the settings table that determine the lifetime of keys. */
function keySettingsTable(): string {
  const about = /^\| (setting|---|`SIGNET_(KEY_|JWKS_|VERIFIER_|CLOCK_|MASTER_|KEYS_|ACCESS_TOKEN_TTL|ID_TOKEN_TTL))/
  return settingsTable()
    .split('\n')
    .filter((line) => about.test(line))
    .join('\n')
}

/** Every note for the operator, and what to change. */
function notesList(): string {
  return noteNames
    .map((name) => `- \`${name}\`: "${noteRegistry[name].description}" ${noteRegistry[name].fix}`)
    .join('\n')
}

const begin = '<!-- made by npm run docs: -->'
const end = '<!-- :made by npm run docs -->'

/** The text between the two markers of a page. */
export function partOf(page: string): string {
  const text = readFileSync(page, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`${page} has no markers for the generated part.`)
  return text.slice(from + begin.length, to).trim()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { file, draw } of drawn) writeFileSync(file, draw())
  for (const page of clientPages()) writeFileSync(page, withClientBlocks(readFileSync(page, 'utf8')))
  for (const { page, table } of generated) {
    const text = readFileSync(page, 'utf8')
    const rest = text.split(`${begin}\n${partOf(page)}\n${end}`)
    if (rest.length !== 2) throw new Error(`${page}: the marks must stand alone on their lines.`)
    writeFileSync(page, rest.join(`${begin}\n${table()}\n${end}`))
  }
}
