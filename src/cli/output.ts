import { type Terminal, visible, visibleJson } from './terminal.ts'

/** One thing as a command shows it. The names and values are those of the JSON document. Absent values are not shown. */
export type Document = Readonly<Record<string, Value | undefined>>
type Value =
  | string
  | number
  | boolean
  | Date
  | readonly string[]
  | { readonly [member: string]: string | number | boolean | readonly string[] | undefined }

/** Whether a command was told to print JSON. */
export interface Format {
  readonly json?: boolean
}

/**
 * Prints one thing: as one JSON document and nothing else, or as lines of name and value, without empty ones.
 *
 * @param notes sentences for a person, printed below
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
  const lines = Object.entries(document).filter(([, value]) => inWords(value) !== '')
  const width = Math.max(...lines.map(([name]) => name.length))
  const text = lines.map(([name, value]) => `${name.padEnd(width)}  ${inWords(value)}`.trimEnd())
  terminal.writeOut(`${[...text, ...(notes.length > 0 ? ['', ...notes] : [])].map(oneLine).join('\n')}\n`)
}

/**
 * Prints many things: as one JSON array of all they have, or as a table of some columns.
 *
 * @param columns names of members, in the order of the table
 * @param nothing the sentence where there are none
 */
export function printMany(
  terminal: Terminal,
  { json }: Format,
  documents: readonly Document[],
  columns: readonly string[],
  nothing: string,
): void {
  if (json) terminal.writeOut(`${visibleJson(documents)}\n`)
  else if (documents.length === 0) terminal.writeOut(`${nothing}\n`)
  else terminal.writeOut(table(documents, columns))
}

function table(documents: readonly Document[], columns: readonly string[]): string {
  const rows = [columns, ...documents.map((document) => columns.map((column) => oneLine(inWords(document[column]))))]
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => widthOf(row[index] ?? ''))))
  const lines = rows.map((row) =>
    row
      .map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - widthOf(cell)))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

export function inWords(value: Value | undefined): string {
  if (value === undefined) return ''
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value !== 'object') return String(value)
  return Array.isArray(value) ? value.join(' ') : JSON.stringify(value)
}

/** A line feed in a value must not begin a line that looks like another value. */
export function oneLine(text: string): string {
  return visible(text).replaceAll('\n', '\\n')
}

function widthOf(text: string): number {
  return [...text].length
}
