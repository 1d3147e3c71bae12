import type { DatabaseLog } from '../log.ts'

/** How many connections the pool may have: the configured number, or fewer if the server allows fewer. */
export interface ConnectionLimit {
  current(): number
  /** Call when the server has refused another connection in addition to this many. */
  refused(connections: number): void
  /** Call when the server has allowed this many connections. */
  allowed(connections: number): void
  /** Leaves one of this many connections to another part of the process for a while. */
  reserve(connections: number): void
}

/** Milliseconds until one more connection than the known limit is tried: after the first refusal, and after several. */
const [firstRetry, lastRetry] = [1_000, 30_000]
/** Milliseconds for which a connection is left to another part of the process. */
const reservation = 30_000
/** Milliseconds before the limit is logged. PostgreSQL refuses more simultaneous attempts than it has to. */
const logDelay = 1_000

/**
 * Finds out how many connections the server allows. PostgreSQL refuses connections beyond the limit of the role (CONNECTION LIMIT), the
 * database or the server (`max_connections`). Other programs may share each of these, so they cannot be known in advance.
 *
 * @param max SIGNET_DATABASE_POOL
 */
export function createConnectionLimit(max: number, log: DatabaseLog): ConnectionLimit {
  let found: number | undefined
  let wait = firstRetry
  let retryAt = 0
  let reservedUntil = 0
  let logged: number | undefined
  let isLogScheduled = false
  const logLimit = () => {
    isLogScheduled = false
    if (found === undefined || found === logged) return
    logged = found
    log.warn(
      { connections: found, pool: max },
      'The database refuses more connections, so requests wait for the existing ones. Raise the limit of the role or of the server, or lower SIGNET_DATABASE_POOL.',
    )
  }
  const refused = (connections: number) => {
    // Of several simultaneous refusals only the first counts.
    const isRetry = found !== undefined && performance.now() >= retryAt
    if (found !== undefined && connections >= found && !isRetry) return
    wait = isRetry ? Math.min(wait * 2, lastRetry) : firstRetry
    found = Math.max(1, Math.min(connections, max))
    retryAt = performance.now() + wait
    if (!isLogScheduled) setTimeout(logLimit, logDelay).unref()
    isLogScheduled = true
  }
  return {
    current: () => {
      const now = performance.now()
      if (now < reservedUntil) return Math.max(1, (found ?? max) - 1)
      if (found === undefined) return max
      return now < retryAt ? found : Math.min(max, found + 1)
    },
    refused,
    allowed: (connections) => {
      if (found === undefined || connections <= found) return
      found = connections < max ? connections : undefined
      wait = firstRetry
      retryAt = 0
    },
    reserve: (connections) => {
      if (connections === 0 || performance.now() < reservedUntil) return
      refused(connections)
      reservedUntil = performance.now() + reservation
    },
  }
}
