import type { DatabaseLog } from './log.ts'

/** How many connections the pool may have: as many as it is set to, or as the server has been found to allow. */
export interface ConnectionLimit {
  current(): number
  /** The server refused one more connection beside this many. */
  refused(connections: number): void
  /** The server allowed this many. */
  allowed(connections: number): void
  /** Leaves one of the connections that there are to another part of the process. */
  reserve(connections: number): void
}

/** Milliseconds that a limit which the server was found to have is kept to. Then one more connection is tried. */
const remembered = 30_000

/**
 * PostgreSQL refuses connections beyond the limit of the role (CONNECTION LIMIT), the database or the server
 * (`max_connections`). Other programs may share each of these, and none can be known in advance.
 *
 * @param max SIGNET_DATABASE_POOL
 */
export function createConnectionLimit(max: number, log: DatabaseLog): ConnectionLimit {
  let found = { connections: max, until: 0 }
  let reservedUntil = 0
  let logged = max
  const isFound = () => performance.now() < found.until
  const find = (connections: number) => {
    found = { connections: Math.max(1, Math.min(connections, max)), until: performance.now() + remembered }
    if (found.connections === logged || found.connections === max) return
    logged = found.connections
    log.warn(
      { connections: found.connections, pool: max },
      'The database refuses further connections, so requests wait for these. Raise the limit of the role or of the server, or lower SIGNET_DATABASE_POOL.',
    )
  }
  return {
    current: () => {
      const reserved = performance.now() < reservedUntil ? 1 : 0
      return Math.max(1, (isFound() ? found.connections : max) - reserved)
    },
    refused: find,
    allowed: (connections) => {
      // Several are opened at once: one is refused, and others that were asked for before it are not.
      if (isFound() && connections > found.connections) found = { ...found, connections }
    },
    reserve: (connections) => {
      if (connections === 0 || performance.now() < reservedUntil) return
      find(connections)
      reservedUntil = performance.now() + remembered
    },
  }
}
