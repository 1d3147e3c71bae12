import { OAuthError } from './oauth-error.ts'
import { shortened } from './refusal.ts'

/** Parameters of a query or a form, parsed strictly. Empty ones count as not sent (RFC 6749 §3.1). */
export interface Parameters {
  readonly values: ReadonlyMap<string, string>
  /** RFC 8707 §2: the one parameter that may come more than once. */
  readonly resource: readonly string[]
  /** In order: what no server should guess at. Whoever reads parameters must look here first. */
  readonly faults: readonly ParameterFault[]
}

export interface ParameterFault {
  readonly name: string
  readonly fault: 'doubled' | 'unreadable'
}

export const noParameters: Parameters = { values: new Map(), resource: [], faults: [] }

const mostParameters = 100

/**
 * Parses `application/x-www-form-urlencoded` (RFC 6749 Appendix B: UTF-8). Nothing is repaired: a doubled parameter, bytes
 * that are no UTF-8, NUL and other control characters are faults.
 */
export function parseParameters(encoded: string): Parameters {
  const values = new Map<string, string>()
  const seen = new Set<string>()
  const resource: string[] = []
  const faults: ParameterFault[] = []
  const pairs = encoded.split('&', mostParameters + 1)
  // What stands behind is not read, so the whole is not either.
  if (pairs.length > mostParameters) return { ...noParameters, faults: [{ name: '', fault: 'unreadable' }] }
  for (const pair of pairs) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    if (name === undefined || value === undefined) {
      faults.push({ name: name ?? '', fault: 'unreadable' })
      continue
    }
    if (name === 'resource') {
      if (value !== '') resource.push(value)
      continue
    }
    if (seen.has(name)) faults.push({ name, fault: 'doubled' })
    seen.add(name)
    if (value !== '') values.set(name, value)
  }
  return { values, resource, faults }
}

/** Undefined for malformed percent-encoding, for bytes that are not UTF-8, and for control characters. */
function decode(text: string): string | undefined {
  // Most are, and need no more than this look.
  if (/^[\w.~:-]*$/.test(text)) return text
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for; line ends are left to the reader
    return /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(decoded) ? undefined : decoded
  } catch {
    return undefined
  }
}

/** What a fault is to the client. */
export function faultyParameter({ name, fault }: ParameterFault): OAuthError {
  if (fault === 'unreadable' && name === '') return new OAuthError('parameters_unreadable')
  return new OAuthError(fault === 'doubled' ? 'parameter_doubled' : 'parameter_unreadable', {
    about: shortened(name, 60),
  })
}
