/** Timeout of one step, in milliseconds. */
export const stepTimeout = 5_000

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'no server is listening there (connection refused)',
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  ENOTFOUND: 'the host name has no address (DNS)',
  EAI_AGAIN: 'DNS does not respond',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ETIMEDOUT: 'no response in time',
  ABORT_ERR: `no response within ${stepTimeout / 1000} s`,
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EPROTO: 'the server does not use TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not use TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server does not use TLS',
  HPE_INVALID_CONSTANT: 'the server does not use HTTP',
  HPE_HEADER_OVERFLOW: 'the response headers are too long',
}

/** Why a connection, a file or a statement failed, without credentials. */
export function reasonOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error
  if (!(first instanceof Error)) return 'unknown error'
  const { code } = first as NodeJS.ErrnoException
  if (first.name === 'TimeoutError') return reasons['ABORT_ERR'] as string
  return reasons[code ?? ''] ?? shortened(first.message)
}

/** A foreign text: shortened, and without the user name and password that a URL may contain. */
export function shortened(text: string): string {
  const safe = text.replace(/\/\/[^/\s]*@/g, '//...@').replace(/\.$/, '')
  return safe.length > 300 ? `${safe.slice(0, 300)}...` : safe
}
