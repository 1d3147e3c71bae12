import type { Answer } from './send.ts'

/** Things that must never be visible from outside: stack traces, paths, statements, the names of our components. */
const internals =
  /\n\s+at .+:\d+|node:internal|node_modules|\/src\/|\.ts:\d|FST_ERR|TypeError|ReferenceError|RangeError|SyntaxError|\bSELECT .+ FROM\b|duplicate key|violates unique|authorization_codes|refresh_families|pg_catalog|pg-pool|PostgreSQL/

/** RFC 6749 §5.2: the characters of `error` and `error_description`. */
const describable = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/

/**
 * What is wrong with a response, whatever the request: a server error, internal details, a missing request id, or a form that no client can
 * read. An empty list for a good one.
 */
export function faultsOf({ status, headers, text, json, location }: Answer): string[] {
  const faults: string[] = []
  if (status >= 500) faults.push(`status ${status}`)
  const inside = internals.exec(`${text}\n${location ?? ''}`)
  if (inside) faults.push(`the response contains '${inside[0]}'`)
  if (headers['x-request-id'] === undefined) faults.push('no X-Request-Id')
  if (headers['x-content-type-options'] !== 'nosniff') faults.push('no nosniff')
  if (headers['access-control-allow-credentials'] !== undefined) faults.push('CORS with credentials')
  if (status >= 400 && headers['cache-control'] !== 'no-store') faults.push('an error that may be stored')
  if (status >= 400 && json && Object.keys(json).length > 0)
    faults.push(...faultsOfError(json, headers['x-request-id']))
  if (status >= 400 && text === '') faults.push('an error without a description')
  return faults
}

function faultsOfError(
  { error, error_description: description, error_uri: uri, ...more }: Record<string, unknown>,
  requestId: unknown,
): string[] {
  const faults = Object.keys(more).map((name) => `a member '${name}' in an error`)
  if (typeof error !== 'string' || !/^[a-z_]+$/.test(error)) faults.push(`the error is ${JSON.stringify(error)}`)
  if (typeof description !== 'string' || !describable.test(description))
    faults.push(`the error_description is ${JSON.stringify(description)}`)
  if (!String(uri).endsWith(`/errors?request_id=${requestId}#${/[a-z_]+$/.exec(String(uri))?.[0]}`))
    faults.push(`the error_uri is ${JSON.stringify(uri)}`)
  return faults
}
