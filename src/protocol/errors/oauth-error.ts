import { type ErrorName, errorRegistry, type OAuthErrorCode, type RegisteredError } from './error-registry.ts'

interface Options {
  /** Replaces `{}` in the description: usually the name of a parameter. */
  readonly param?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** The HTTP status, if it is not the registered one. */
  readonly status?: number
  /** For the operator only, under the request id: which parameter, cookie or clock failed, and how. It is never sent and never contains a secret. */
  readonly detail?: string | undefined
  /** False for a repetition of the same refusal: it is logged and counted, but no row is written for it. */
  readonly isRecorded?: boolean
}

/** An error of the registry, as it is sent to a client. */
export class OAuthError extends Error {
  readonly entry: ErrorName
  readonly code: OAuthErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly param: string | undefined
  readonly detail: string | undefined
  readonly isRecorded: boolean

  constructor(entry: ErrorName, options: Options = {}) {
    const { error, status, description }: RegisteredError = errorRegistry[entry]
    super(description.replace('{}', () => printableText(options.param ?? '')))
    this.name = 'OAuthError'
    this.entry = entry
    this.code = error
    this.status = options.status ?? status
    this.headers = options.headers ?? {}
    this.param = options.param
    this.detail = options.detail
    this.isRecorded = options.isRecorded ?? true
  }
}

/**
 * Replaces the characters that an `error_description` may not contain. RFC 6749 §5.2 allows %x20-21 / %x23-5B / %x5D-7E: printable
 * ASCII without double quotes and backslashes.
 */
export function printableText(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?')
}

/**
 * The `error_uri` (RFC 6749 §5.2): the page that explains how to fix the error.
 *
 * @param requestId the id under which the operator finds the details; undefined if there are none
 */
export function errorUri(issuer: string, entry: ErrorName, requestId: string | undefined): string {
  return `${issuer}/errors${requestId === undefined ? '' : `?request_id=${requestId}`}#${entry}`
}

/** The body of an error response (RFC 6749 §5.2). */
export interface ErrorBody {
  readonly error: string
  readonly error_description: string
  readonly error_uri: string
}

export function errorBody(issuer: string, error: OAuthError, requestId: string): ErrorBody {
  return {
    error: error.code,
    error_description: error.message,
    error_uri: errorUri(issuer, error.entry, requestId),
  }
}
