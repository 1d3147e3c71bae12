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
 * @param heading whether to print the names of the columns first; a table that continues another has none
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

/** Prints one JSON array piece by piece. The result is the same as `printMany` prints at once. */
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
 * Says how to see more than was printed: below a table, or, where JSON was printed, on standard error.
 *
 * @param flag the sentence up to the flag, which takes `value`
 * @param end the rest of the sentence
 */
export function printMore(terminal: Terminal, { json }: Format, flag: string, value: string, end: string): void {
  const sentence = `${flag} ${oneLine(asArgument(value))}${end}\n`
  if (json) terminal.writeError(`signet: ${sentence}`)
  else terminal.writeOut(`\n${sentence}`)
}

/** A value as one argument of a command, quoted for a shell where it has to be. */
function asArgument(value: string): string {
  return /^[\w.:/@%+=,-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`
}

function table(documents: readonly Document[], columns: readonly string[], heading: 'heading' | 'no heading'): string {
  const rows = documents.map((document) => columns.map((column) => oneLine(inWords(document[column]))))
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

/** A moment that is to come, in a sentence, rounded up to the second: `2026-11-22T10:32:11Z`. By then it has come. */
export function moment(milliseconds: number): string {
  return inSeconds(Math.ceil(milliseconds / 1000))
}

/** A moment that is past, in a sentence, without the fraction of its second: it agrees with the full moment that other commands print. */
export function pastMoment(milliseconds: number): string {
  return inSeconds(Math.floor(milliseconds / 1000))
}

function inSeconds(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}
