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
import { databaseFeaturesTable } from './database-features.ts'
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

/**
 * The parts of docs/scale.md, by the names in their marks, and its chart. They have a test of their own (scale.test.ts), because the simulation
 * takes seconds.
 */
export async function scaleDocumentation(): Promise<{ parts: Record<string, string>; chart: string }> {
  // The bench is not compiled with the tests.
  const module = pathToFileURL(join(packageFolder, 'bench/simulation/scale.js')).href
  const { computeScale } = (await import(module)) as typeof import('../../bench/simulation/scale.js')
  const { parts, chart } = computeScale()
  return { parts: { ...parts, features: databaseFeaturesTable() }, chart }
}

export const scaleFiles = {
  page: join(packageFolder, 'docs/scale.md'),
  chart: join(packageFolder, 'docs/images/scale.svg'),
}

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

const marks = (part: string | undefined) => {
  const name = part === undefined ? '' : ` (${part})`
  return [`<!-- made by npm run docs${name}: -->`, `<!-- :made by npm run docs${name} -->`] as const
}

/**
 * The text between the two markers of a page.
 *
 * @param part the name in the markers, if the page has several generated parts
 */
export function partOf(page: string, part?: string): string {
  const [begin, end] = marks(part)
  const text = readFileSync(page, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to < from)
    throw new Error(`${page} has no markers for the generated part${part ? ` ${part}` : ''}.`)
  return text.slice(from + begin.length, to).trim()
}

function writePart(page: string, content: string, part?: string): void {
  const [begin, end] = marks(part)
  const rest = readFileSync(page, 'utf8').split(`${begin}\n${partOf(page, part)}\n${end}`)
  if (rest.length !== 2) throw new Error(`${page}: the marks must stand alone on their lines.`)
  writeFileSync(page, rest.join(`${begin}\n${content}\n${end}`))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { file, draw } of drawn) writeFileSync(file, draw())
  for (const page of clientPages()) writeFileSync(page, withClientBlocks(readFileSync(page, 'utf8')))
  for (const { page, table } of generated) writePart(page, table())
  const { parts, chart } = await scaleDocumentation()
  for (const [part, content] of Object.entries(parts)) writePart(scaleFiles.page, content, part)
  writeFileSync(scaleFiles.chart, chart)
}
