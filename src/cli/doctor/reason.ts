/** Milliseconds that one step may take. */
export const stepLimit = 5_000

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there (connection refused)',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOTFOUND: 'the host name has no address (DNS)',
  EAI_AGAIN: 'the DNS does not answer',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
  ETIMEDOUT: 'no answer in time',
  ABORT_ERR: `no answer within ${stepLimit / 1000} s`,
  ENOENT: 'it does not exist',
  EACCES: 'this user may not read it',
  EPROTO: 'what listens there does not speak TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what listens there does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'what listens there does not speak TLS',
  HPE_INVALID_CONSTANT: 'what listens there does not speak HTTP',
  HPE_HEADER_OVERFLOW: 'the answer has too many headers',
}

/** Why a connection, a file or a statement failed, in words that hold no credentials. */
export function reasonOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error
  if (!(first instanceof Error)) return 'nothing says why'
  const { code } = first as NodeJS.ErrnoException
  if (first.name === 'TimeoutError') return words['ABORT_ERR'] as string
  return words[code ?? ''] ?? shortened(first.message)
}

/** A text of somebody else's: bounded, and without the user name and password that an address may hold. */
export function shortened(text: string): string {
  const safe = text.replace(/\/\/[^/\s]*@/g, '//...@').replace(/\.$/, '')
  return safe.length > 300 ? `${safe.slice(0, 300)}...` : safe
}
