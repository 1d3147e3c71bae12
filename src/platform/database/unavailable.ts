/** The database cannot be reached, or it is unknown whether the last statement took effect. */
export class DatabaseUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseUnavailable'
  }
}

/** The server accepts no writes: it is a standby, or it was made read-only. A connection to it is of no use and is closed. */
export class DatabaseReadOnly extends DatabaseUnavailable {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseReadOnly'
  }
}

/**
 * Whether an error means that the database is away, overloaded or restarting. That passes by itself, and requests get 503 until then.
 * Faults in the program or its settings (a broken constraint, an unknown column, a wrong password) need a person.
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

/** Whether the server, or one of several, refused a connection because it has as many as it may have. */
export function isTooManyConnections(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ((error as { code?: unknown }).code === '53300') return true
  return error.cause instanceof AggregateError && error.cause.errors.some(isTooManyConnections)
}

// PostgreSQL Appendix A. Two characters stand for a class.
const sqlStates = [
  '08', // connection exception
  '53', // insufficient resources: too many connections, disk full, out of memory
  '57P', // the operator stepped in: shutdown, crash, starting up, idle session ended
  '57014', // query cancelled: statement_timeout
  '55P03', // lock not available: lock_timeout
  '40P01', // deadlock detected: the other one goes on, and this one may come again
  '25P03', // idle in transaction for too long: this process stood still
  '25P04', // transaction_timeout
  '25006', // read only: we hold on to a server that is no longer the primary
  '58', // system error: the database's disk fails
]

const lostConnections = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN'],
])

// A Unix socket that is not there, or whose queue is full because nobody takes from it. The same codes come from files,
// too.
const refusedConnects = new Set(['ENOENT', 'EAGAIN'])

// What pg throws without a code.
const driverMessages = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'timeout expired',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
])
