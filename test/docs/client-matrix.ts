import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/** One client as `npm run clients -- --write` records it. */
interface Row {
  readonly title: string
  readonly version: string
  /** The name of its page, without `.md`. */
  readonly recipe: string
  readonly setting?: string
  readonly notTried?: string
  /** "yes", or what went wrong. */
  readonly steps: Record<string, string>
}

const folder = join(packageFolder, 'docs/clients')

/** What the trials of client libraries showed: a table of the clients that sign in, and one of the APIs that check tokens. */
export function clientMatrix(): string {
  const rows: Row[] = JSON.parse(readFileSync(join(folder, 'matrix.json'), 'utf8'))
  const apis = rows.filter((row) => row.steps['accept a token'] !== undefined)
  const clients = rows.filter((row) => !apis.includes(row))
  const tried = clients.filter(({ notTried }) => notTried === undefined)
  const signedIn = tried.filter((row) => row.steps['sign in'] === 'yes')
  return [
    `${signedIn.length} of the ${tried.length} clients that were tried sign in.`,
    tableOf('client', clients),
    'Libraries with which an API checks access tokens:',
    tableOf('library', apis),
  ].join('\n\n')
}

function tableOf(what: string, rows: Row[]): string {
  // In the order of the row with the most steps: many clients leave out some in the middle.
  const longest = rows.toSorted((a, b) => Object.keys(b.steps).length - Object.keys(a.steps).length)
  const steps = [...new Set(longest.flatMap((row) => Object.keys(row.steps)))]
  return [
    `| ${what} | version | ${steps.join(' | ')} | what is needed |`,
    `|---|---|${steps.map(() => '---|').join('')}---|`,
    ...rows.map((row) => `| ${cells(row, steps).join(' | ')} |`),
  ].join('\n')
}

function cells(row: Row, steps: string[]): string[] {
  const page = `${row.recipe}.md`
  const title = existsSync(join(folder, page)) ? `[${row.title}](${page})` : row.title
  const results = steps.map((step) => {
    const result = row.steps[step]
    return result === undefined ? '' : result === 'yes' ? 'yes' : 'no'
  })
  return [title, row.version, ...results, row.notTried ? `not tried: ${row.notTried}` : (row.setting ?? '')]
}
