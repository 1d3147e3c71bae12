import { createReadStream } from 'node:fs'
import { isJsonObject, type JsonObject, parseJson, parseJsonObject } from '#verify/strict-json'
import { CommandFailed, WrongUsage } from '../command-failures.ts'
import type { Terminal } from '../terminal.ts'

/** One person or client of the input, or why it cannot be read. */
export type Entry = { readonly where: string } & ({ readonly value: JsonObject } | { readonly fault: string })

/** Bytes. */
const maxLineBytes = 256 * 1024
/** Bytes. A document is parsed as a whole, which takes several times its size of memory. */
const maxDocumentBytes = 64 * 1024 * 1024

/** How the input is divided into entries: JSON lines, or a document whose entries a function finds. */
export type Shape = { readonly kind: 'lines' } | ({ readonly kind: 'document' } & DocumentShape)

interface DocumentShape {
  /** Undefined: it is another kind of document. */
  readonly entriesIn: (document: unknown) => readonly unknown[] | undefined
  /** Whether the entries may also be JSON lines. */
  readonly orLines?: true
}

/**
 * Reads the entries of some files, or of standard input if there are none. JSON lines are read one at a time, however many there are. A file that
 * begins with `[` is one JSON array, which is read as a whole.
 *
 * @param files paths; `-` is standard input
 * @throws CommandFailed if a file cannot be read, or is no such document; WrongUsage if there is no input
 */
export async function* readEntries(terminal: Terminal, files: readonly string[], shape: Shape): AsyncGenerator<Entry> {
  for (const file of files.length > 0 ? files : ['-']) {
    const input = file === '-' ? terminal.input : createReadStream(file)
    if (file === '-' && terminal.input.isTTY) throw new WrongUsage('The input must come from a file or a pipe.')
    const prefix = files.length > 1 ? `${file.slice(-80)}, ` : ''
    const chunks = chunksOf(input, file, terminal.stopSignal)
    if (shape.kind === 'lines') yield* entriesOfLines(chunks, file, prefix)
    else yield* entriesOfDocument(await wholeOf(chunks, file), file, prefix, shape)
  }
}

/** Ends without an error if the command is interrupted: nobody may ever write to the pipe. */
async function* chunksOf(input: NodeJS.ReadableStream, file: string, stopSignal: AbortSignal): AsyncGenerator<Buffer> {
  const stop = () => (input as NodeJS.ReadableStream & { destroy(): void }).destroy()
  stopSignal.addEventListener('abort', stop)
  try {
    for await (const chunk of input) {
      if (stopSignal.aborted) return
      yield Buffer.from(chunk as Buffer | string)
    }
  } catch (error) {
    if (stopSignal.aborted) return
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new CommandFailed(`${file.slice(0, 200)} cannot be read (${code}).`)
  } finally {
    stopSignal.removeEventListener('abort', stop)
  }
}

async function* entriesOfLines(chunks: AsyncGenerator<Buffer>, file: string, prefix: string): AsyncGenerator<Entry> {
  let first = Buffer.alloc(0)
  // Not for-await: leaving such a loop would end the stream.
  // After this many blanks it is not searched for a bracket: searching again with each piece would take forever.
  while (first.length <= maxLineBytes && !/\S/.test(withoutMark(first).toString('latin1'))) {
    const next = await chunks.next()
    if (next.done) return
    first = Buffer.concat([first, next.value])
  }
  const start = withoutMark(first)
  const all = joined(start, chunks)
  if (start.toString('latin1').trimStart().startsWith('['))
    yield* entriesOfDocument(await wholeOf(all, file), file, prefix, {
      entriesIn: (document) => (Array.isArray(document) ? document : undefined),
    })
  else yield* entriesOfText(all, prefix)
}

async function* entriesOfText(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, prefix: string): AsyncGenerator<Entry> {
  for await (const { number, line } of linesOf(chunks)) {
    const where = `${prefix}line ${number}`
    if (line === 'too long') yield { where, fault: `It is longer than ${maxLineBytes} bytes.` }
    else if (/\S/.test(line.toString('latin1'))) yield { where, ...readLine(line) }
  }
}

async function* joined(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first
  yield* rest
}

/** The lines of a text, without line feeds. Of a line that is too long nothing is kept. */
async function* linesOf(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<{ readonly number: number; readonly line: Buffer | 'too long' }> {
  let number = 1
  let parts: Buffer[] = []
  let length = 0
  const take = () => {
    const line = length > maxLineBytes ? ('too long' as const) : Buffer.concat(parts)
    const taken = { number, line }
    number++
    parts = []
    length = 0
    return taken
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(10); ; end = chunk.indexOf(10, start)) {
      const part = chunk.subarray(start, end === -1 ? undefined : end)
      length += part.length
      if (length > maxLineBytes) parts = []
      else parts.push(part)
      if (end === -1) break
      start = end + 1
      yield take()
    }
  }
  if (length > 0) yield take()
}

function readLine(line: Buffer): { value: JsonObject } | { fault: string } {
  try {
    return { value: parseJsonObject(line) }
  } catch (error) {
    return { fault: `It cannot be read: ${reasonOf(error)}.` }
  }
}

async function* entriesOfDocument(
  bytes: Buffer,
  file: string,
  prefix: string,
  { entriesIn, orLines }: DocumentShape,
): AsyncGenerator<Entry> {
  const name = file === '-' ? 'The input' : file.slice(0, 200)
  let document: unknown
  try {
    document = parseJson(withoutMark(bytes), maxDocumentBytes)
  } catch (error) {
    if (orLines) return yield* entriesOfText([withoutMark(bytes)], prefix)
    throw new CommandFailed(`${name} is not a JSON document: ${reasonOf(error)}.`)
  }
  const entries = entriesIn(document)
  if (!entries) throw new CommandFailed(`${name} is not an export of the system that --from names.`)
  for (const [index, value] of entries.entries()) {
    const where = `${prefix}entry ${index + 1}`
    yield isJsonObject(value) ? { where, value } : { where, fault: 'It is not a JSON object.' }
  }
}

async function wholeOf(chunks: AsyncGenerator<Buffer>, file: string): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  for await (const chunk of chunks) {
    length += chunk.length
    if (length > maxDocumentBytes)
      throw new CommandFailed(
        `${file === '-' ? 'The input' : file.slice(0, 200)} is longer than ${maxDocumentBytes / 1024 / 1024} MiB. Divide it into several files, or into JSON lines.`,
      )
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}

/** Some programs write a byte order mark (RFC 8259 §8.1 allows to ignore it). */
function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).equals(Buffer.from('\ufeff')) ? bytes.subarray(3) : bytes
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
