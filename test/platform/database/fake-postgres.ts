import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A statement as a client sent it, with the number of its connection. */
export interface Asked {
  readonly text: string
  readonly values: readonly (string | null)[]
  readonly connection: number
}

/** What is sent after a connection was accepted (`text` is then empty) or after a statement was answered, in the same chunk. */
export type AndThen = (asked: Asked) => Buffer | undefined

/** Delays the answer to a statement. */
export type Before = (asked: Asked) => Promise<void> | undefined

export interface FakePostgres {
  readonly connection: { host: string; port: number; user: string; password: string; database: string }
  /** As a URL. */
  url: string
  /** How many connections were accepted. */
  readonly accepted: () => number
  /** Whether it reports that it accepts no writes. */
  isReadOnly: boolean
  /** The maximum number of connections; it refuses further ones. */
  limit: number
  /** Every statement except those that set a connection up. */
  readonly asked: readonly Asked[]
  /** The names under which statements were parsed; empty for unnamed ones. */
  readonly parsed: readonly string[]
  /** The names of the statements whose columns were asked for. */
  readonly described: readonly string[]
}

/**
 * A server with the minimum of PostgreSQL's protocol that accepts connections and answers statements without rows. It decides
 * what arrives in one chunk, which with a real server is random.
 */
export async function fakePostgres(
  t: Test,
  andThen: AndThen = () => undefined,
  before: Before = () => undefined,
): Promise<FakePostgres> {
  let accepted = 0
  const asked: Asked[] = []
  const parsed: string[] = []
  const described: string[] = []
  const sockets = new Set<Socket>()
  const served = new Set<Socket>()
  const fake: FakePostgres = {
    connection: { host: '127.0.0.1', port: 0, user: 'signet', password: 'x', database: 'signet' },
    ...{ url: '', accepted: () => accepted, isReadOnly: false, limit: 1_000, asked, parsed, described },
  }
  const server = createServer((socket) => {
    accepted += 1
    sockets.add(socket)
    const connection = accepted
    let buffered = Buffer.alloc(0)
    let started = false
    let statement = { text: '', values: [] as (string | null)[] }
    const answer = (messages: Buffer[], about: Asked) => {
      socket.write(Buffer.concat([...messages, readyForQuery, andThen(about) ?? Buffer.alloc(0)]))
    }
    const execute = (isExtended: boolean) => {
      const about = { ...statement, connection }
      if (!isSetup(statement.text)) asked.push(about)
      const messages = [...(isExtended ? [parseComplete, bindComplete] : []), ...rowsFor(about, fake.isReadOnly)]
      const wait = before(about)
      if (wait) wait.then(() => answer(messages, about))
      else answer(messages, about)
    }
    const take = (code: string, body: Buffer) => {
      if (code === 'Q') {
        statement = { text: textAt(body, 0).text, values: [] }
        execute(false)
      } else if (code === 'P') {
        const name = textAt(body, 0)
        parsed.push(name.text)
        statement = { text: textAt(body, name.end).text, values: [] }
      } else if (code === 'B') statement = { ...statement, values: boundValues(body) }
      else if (code === 'D' && body[0] === 0x53) described.push(textAt(body, 1).text)
      else if (code === 'S') execute(true)
      else if (code === 'X') socket.end()
    }
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      served.delete(socket)
    })
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk])
      for (;;) {
        // The startup message has no type byte before its length.
        const at = started ? 1 : 0
        if (buffered.length < at + 4 || buffered.length < at + buffered.readInt32BE(at)) return
        const end = at + buffered.readInt32BE(at)
        const [code, body] = [buffered.toString('latin1', 0, at), buffered.subarray(at + 4, end)]
        buffered = buffered.subarray(end)
        if (started) take(code, body)
        else if (served.size >= fake.limit) socket.end(fatal('53300', 'too many connections for role "signet"'))
        else {
          served.add(socket)
          answer([authenticationOk], { text: '', values: [], connection })
        }
        started = true
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  Object.assign(fake.connection, { port })
  fake.url = `postgres://signet:x@127.0.0.1:${port}/signet`
  return fake
}

/** An error with which the server ends the connection (FATAL). */
export function fatal(code: string, text: string): Buffer {
  return message('E', Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`))
}

function isSetup(text: string): boolean {
  return text.includes('AS search_path')
}

function message(code: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(code, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const authenticationOk = message('R', Buffer.from([0, 0, 0, 0]))
const readyForQuery = message('Z', Buffer.from('I'))
const parseComplete = message('1', Buffer.alloc(0))
const bindComplete = message('2', Buffer.alloc(0))

/** The setup asks whether the server is read-only, and for the schema. */
function rowsFor({ text }: Asked, isReadOnly: boolean): Buffer[] {
  const [command = ''] = text.trim().split(/\s/)
  const complete = message('C', Buffer.from(`${command.toUpperCase()}\0`))
  if (!isSetup(text)) return [complete]
  const row = [isReadOnly ? 't' : 'f', 'signet']
  const count = Buffer.alloc(2)
  count.writeInt16BE(row.length)
  const columns = row.map((_, index) => {
    const described = Buffer.alloc(18)
    described.writeInt32BE(index === 0 ? 16 : 25, 6) // bool, text
    return Buffer.concat([Buffer.from(index === 0 ? 'is_read_only\0' : 'search_path\0'), described])
  })
  const fields = row.map((value) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(Buffer.byteLength(value))
    return Buffer.concat([length, Buffer.from(value)])
  })
  return [message('T', Buffer.concat([count, ...columns])), message('D', Buffer.concat([count, ...fields])), complete]
}

function textAt(body: Buffer, from: number): { text: string; end: number } {
  const end = body.indexOf(0, from)
  return { text: body.toString('utf8', from, end), end: end + 1 }
}

/** Bind: portal, statement, formats of the values, and the values. */
function boundValues(body: Buffer): (string | null)[] {
  let at = textAt(body, textAt(body, 0).end).end
  at += 2 + 2 * body.readInt16BE(at)
  const count = body.readInt16BE(at)
  at += 2
  return Array.from({ length: count }, () => {
    const length = body.readInt32BE(at)
    at += 4
    if (length === -1) return null
    at += length
    return body.toString('utf8', at - length, at)
  })
}
