import { type ErrorName, errorRegistry, type OAuthErrorCode, type RegisteredError } from './error-registry.ts'

interface Options {
  /** What takes the place of `{}` in the description: the parameter's name, mostly. */
  readonly about?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** The HTTP status where it is not the registered one. */
  readonly status?: number
  /** For the operator only, under the request id: which parameter, cookie or clock failed, and how. Never sent, never a secret. */
  readonly detail?: string | undefined
  /** False for one of many that say the same: it is logged and counted, but no row is written for it. */
  readonly isRecorded?: boolean
}

/** What is told to a client. */
export class OAuthError extends Error {
  readonly entry: ErrorName
  readonly code: OAuthErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly detail: string | undefined
  readonly isRecorded: boolean

  constructor(entry: ErrorName, options: Options = {}) {
    const { error, status, description }: RegisteredError = errorRegistry[entry]
    super(description.replace('{}', () => describable(options.about ?? '')))
    this.name = 'OAuthError'
    this.entry = entry
    this.code = error
    this.status = options.status ?? status
    this.headers = options.headers ?? {}
    this.detail = options.detail
    this.isRecorded = options.isRecorded ?? true
  }
}

/**
 * A text as `error_description` may carry it: RFC 6749 §5.2 allows %x20-21 / %x23-5B / %x5D-7E, so no quotes, backslashes or
 * anything but ASCII.
 */
export function describable(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?')
}

/**
 * The `error_uri` (RFC 6749 §5.2): the page that says what to mend.
 *
 * @param requestId under which the operator finds the details; undefined where there are none
 */
export function errorUri(issuer: string, entry: ErrorName, requestId: string | undefined): string {
  return `${issuer}/errors${requestId === undefined ? '' : `?request_id=${requestId}`}#${entry}`
}

/** The body of an error, RFC 6749 §5.2. */
export interface ErrorAnswer {
  readonly error: string
  readonly error_description: string
  readonly error_uri: string
}

export function errorAnswer(issuer: string, error: OAuthError, requestId: string): ErrorAnswer {
  return {
    error: error.code,
    error_description: error.message,
    error_uri: errorUri(issuer, error.entry, requestId),
  }
}
