/** The database cannot be reached, or it is unknown whether the last statement took effect. The request is not at fault. */
export class DatabaseUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseUnavailable'
  }
}

/** The server accepts no writes: it is a standby, or it was made read-only. Connections to it are useless and are closed. */
export class DatabaseReadOnly extends DatabaseUnavailable {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseReadOnly'
  }
}

/**
 * Whether an error means that the database is unreachable, overloaded or restarting. That is temporary, and requests get 503 in the meantime.
 * Errors in the program or its settings (a violated constraint, an unknown column, a wrong password) have to be fixed by somebody.
 */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof DatabaseUnavailable) return true
  const { code, syscall } = error as Error & { code?: unknown; syscall?: unknown }
  if (typeof code === 'string') {
    if (/^[0-9A-Z]{5}$/.test(code) && sqlStates.some((state) => code.startsWith(state))) return true
    if (lostConnections.has(code)) return true
    if (refusedConnects.has(code) && syscall === 'connect') return true
  }
  // A host name with several addresses: every one of them failed.
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isUnavailable)
  return driverMessages.has(error.message)
}

/** Whether the server, or one of several, refused a connection because it has too many. */
export function isTooManyConnections(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ((error as { code?: unknown }).code === '53300') return true
  return error.cause instanceof AggregateError && error.cause.errors.some(isTooManyConnections)
}

// PostgreSQL Appendix A. Two characters stand for a class.
const sqlStates = [
  '08', // connection exception
  '53', // insufficient resources: too many connections, disk full, out of memory
  '57P', // operator intervention: shutdown, crash, starting up, idle session ended
  '57014', // query cancelled: statement_timeout
  '55P03', // lock not available: lock_timeout
  '40P01', // deadlock detected: the other transaction continues, and this one can be retried
  '25P03', // idle in transaction for too long: this process was suspended
  '25P04', // transaction_timeout
  '25006', // read only: this connection leads to a server that is no longer the primary
  '58', // system error: the database's disk fails
]

const lostConnections = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN'],
])

// A Unix socket that does not exist, or whose queue is full because nothing accepts connections. Errors of files have the same codes.
const refusedConnects = new Set(['ENOENT', 'EAGAIN'])

// The errors that pg throws without a code.
const driverMessages = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'timeout expired',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
])
