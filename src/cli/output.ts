import { type Terminal, visible, visibleJson } from './terminal.ts'

/** One item as a command prints it. Names and values are those of the JSON document. Absent values are not printed. */
export type Document = Readonly<Record<string, Value | undefined>>
type Value =
  | string
  | number
  | boolean
  | Date
  | readonly string[]
  | { readonly [member: string]: string | number | boolean | readonly string[] | undefined }

/** Whether a command prints JSON. */
export interface Format {
  readonly json?: boolean
}

/**
 * Prints one item: as one JSON document and nothing else, or as lines of name and value, without empty ones.
 *
 * @param notes sentences for people, printed below; omitted with `--json`
 */
export function printOne(
  terminal: Terminal,
  { json }: Format,
  document: Document,
  notes: readonly string[] = [],
): void {
  if (json) {
    terminal.writeOut(`${visibleJson(document)}\n`)
    return
  }
  const lines = Object.entries(document).filter(([, value]) => asText(value) !== '')
  const width = Math.max(...lines.map(([name]) => name.length))
  const text = lines.map(([name, value]) => `${name.padEnd(width)}  ${asText(value)}`.trimEnd())
  terminal.writeOut(`${[...text, ...(notes.length > 0 ? ['', ...notes] : [])].map(oneLine).join('\n')}\n`)
}

/**
 * Prints several items: as one JSON array with all members, or as a table of some columns.
 *
 * @param columns names of members, in the order of the table
 * @param nothing the sentence to print if there are no items
 * @param heading whether to print the names of the columns first; a table that continues another has no heading
 */
export function printMany(
  terminal: Terminal,
  { json }: Format,
  documents: readonly Document[],
  columns: readonly string[],
  nothing: string,
  heading: 'heading' | 'no heading' = 'heading',
): void {
  if (json) terminal.writeOut(`${visibleJson(documents)}\n`)
  else if (documents.length === 0) terminal.writeOut(`${nothing}\n`)
  else terminal.writeOut(table(documents, columns, heading))
}

/** Prints one JSON array piece by piece. The output is the same as that of one call of `printMany`. */
export function openArray(terminal: Terminal): { add(documents: readonly Document[]): void; close(): void } {
  let isEmpty = true
  return {
    add: (documents) => {
      // Without the brackets.
      const pieces = visibleJson(documents).slice(1, -2)
      if (documents.length > 0) terminal.writeOut(`${isEmpty ? '[' : ','}${pieces}`)
      isEmpty &&= documents.length === 0
    },
    close: () => terminal.writeOut(isEmpty ? '[]\n' : '\n]\n'),
  }
}

/**
 * Says how to see more than was printed: below a table or, with JSON, on standard error.
 *
 * @param flag the sentence up to and including the flag, which takes `value`
 * @param end the rest of the sentence
 */
export function printMore(terminal: Terminal, { json }: Format, flag: string, value: string, end: string): void {
  const sentence = `${flag} ${oneLine(asArgument(value))}${end}\n`
  if (json) terminal.writeError(`signet: ${sentence}`)
  else terminal.writeOut(`\n${sentence}`)
}

/** A value as one argument of a command, quoted for a shell if necessary. */
function asArgument(value: string): string {
  return /^[\w.:/@%+=,-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`
}

function table(documents: readonly Document[], columns: readonly string[], heading: 'heading' | 'no heading'): string {
  const rows = documents.map((document) => columns.map((column) => oneLine(asText(document[column]))))
  if (heading === 'heading') rows.unshift([...columns])
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => widthOf(row[index] ?? ''))))
  const lines = rows.map((row) =>
    row
      .map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - widthOf(cell)))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

export function asText(value: Value | undefined): string {
  if (value === undefined) return ''
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value !== 'object') return String(value)
  return Array.isArray(value) ? value.join(' ') : JSON.stringify(value)
}

/** Escapes line feeds, so that a value cannot start a line that looks like another value. */
export function oneLine(text: string): string {
  return visible(text).replaceAll('\n', '\\n')
}

function widthOf(text: string): number {
  return [...text].length
}

/** A future time for a sentence, rounded up to the second: `2026-11-22T10:32:11Z`. */
export function moment(milliseconds: number): string {
  return inSeconds(Math.ceil(milliseconds / 1000))
}

/** A past time for a sentence, rounded down to the second, so that it matches the full time that other commands print. */
export function pastMoment(milliseconds: number): string {
  return inSeconds(Math.floor(milliseconds / 1000))
}

function inSeconds(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}
