import { lookup } from 'node:dns/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { Log } from '../log.ts'

/** A process that takes connections. */
export interface Taker {
  /**
   * Hands a connection over. When the process confirms it, `taken` must be called. If it cannot be sent, the process is about to end, and `remove`
   * must be called.
   */
  hand(connection: Socket): void
}

/** The connections of a group of processes. One of them accepts them and hands each to another process. */
export interface Connections {
  /**
   * Begins to accept connections.
   *
   * @throws the error of the system, such as EADDRINUSE
   */
  listen(address: { readonly host: string; readonly port: number; readonly backlog: number }): Promise<void>
  /** From now on, this process gets connections. */
  add(taker: Taker): void
  /** From now on, it gets no more. */
  pass(taker: Taker): void
  /** This process has confirmed the connection that it was handed. */
  taken(taker: Taker): void
  /** This process has ended. What it has not confirmed goes to another one. */
  remove(taker: Taker): void
  /** Accepts no more connections. Resolves when all that were accepted have been taken, or after this many milliseconds, when the rest is closed. */
  close(timeoutMs: number): Promise<void>
}

/**
 * Accepts connections and hands them to processes in turn: each goes to the one that has been without a task for longest. A process that has not
 * confirmed a connection gets no other one meanwhile, so a busy process gets fewer.
 *
 * This is what `node:cluster` does, with two differences. The socket stays open while no process is there to take connections, and they wait. And a
 * connection on its way to a process that is killed goes to another one: `node:cluster` forgets it without closing it, so its client waits for ever.
 */
export function createConnections(log: Pick<Log, 'error'>): Connections {
  const servers: Server[] = []
  /** Accepted, and not yet handed to anybody. */
  const waiting: Socket[] = []
  const takers = new Set<Taker>()
  /** Those that have confirmed everything, in the order in which they did. */
  const free = new Set<Taker>()
  const onTheWay = new Map<Taker, Socket>()
  let onEmpty = () => {}

  const handOver = () => {
    while (waiting.length > 0) {
      const [taker] = free
      if (!taker) return
      free.delete(taker)
      const connection = waiting.shift() as Socket
      onTheWay.set(taker, connection)
      taker.hand(connection)
    }
    if (onTheWay.size === 0) onEmpty()
  }

  const accept = (connection: Socket) => {
    // It is not read here, but may report that the client has gone.
    connection.on('error', () => {})
    waiting.push(connection)
    handOver()
  }

  const listenOn = async (host: string, port: number, backlog: number) => {
    // Without `noDelay`, which Node sets for its own HTTP servers, small responses would wait for acknowledgements.
    const server = createServer({ pauseOnConnect: true, noDelay: true }, accept)
    // As many as may wait in the system. Beyond that, new ones are closed.
    server.maxConnections = backlog
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port, backlog }, () => {
        server.off('error', reject)
        server.on('error', (err) => log.error({ err }, 'A connection could not be accepted.'))
        resolve()
      })
    })
    servers.push(server)
  }

  return {
    listen: async ({ host, port, backlog }) => {
      await listenOn(host, port, backlog)
      if (host !== 'localhost') return
      // As Fastify does: `localhost` can have two addresses, and clients use either.
      const used = servers.map((server) => Object(server.address()).address)
      const others = (await lookup(host, { all: true })).filter(({ address }) => !used.includes(address))
      for (const { address } of others) await listenOn(address, port, backlog).catch(() => {})
    },
    add: (taker) => {
      takers.add(taker)
      free.add(taker)
      handOver()
    },
    pass: (taker) => {
      takers.delete(taker)
      free.delete(taker)
    },
    taken: (taker) => {
      // The other process has its own copy now.
      onTheWay.get(taker)?.destroy()
      onTheWay.delete(taker)
      if (takers.has(taker)) free.add(taker)
      handOver()
    },
    remove: (taker) => {
      takers.delete(taker)
      free.delete(taker)
      const connection = onTheWay.get(taker)
      onTheWay.delete(taker)
      if (connection) waiting.unshift(connection)
      handOver()
    },
    close: async (timeoutMs) => {
      for (const server of servers.splice(0)) server.close()
      if (waiting.length + onTheWay.size === 0) return
      await new Promise<void>((resolve) => {
        const overdue = setTimeout(resolve, timeoutMs)
        onEmpty = () => {
          clearTimeout(overdue)
          resolve()
        }
      })
      for (const connection of [...waiting.splice(0), ...onTheWay.values()]) connection.destroy()
    },
  }
}
