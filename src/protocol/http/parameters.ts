import { OAuthError } from '../errors/oauth-error.ts'
import { withoutSecrets } from '../errors/refusal.ts'

const parsed = Symbol('parsed')

/**
 * Parameters of a query or a form, parsed strictly. They can only be read through the functions of this file, so every caller has to decide
 * how to handle the faults.
 */
export interface Parameters {
  readonly [parsed]: SoundParameters & {
    /** What a server should not guess at, in the order of the parameters. */
    readonly faults: readonly ParameterFault[]
  }
}

/** Parameters without a fault. Empty ones count as not sent (RFC 6749 §3.1). */
export interface SoundParameters {
  readonly values: ReadonlyMap<string, string>
  /** RFC 8707 §2: the only parameter that may be sent more than once. */
  readonly resource: readonly string[]
}

export interface ParameterFault {
  readonly name: string
  /** `control`: the value has a tab, a line break or another control character that a person could have typed into one of our forms. */
  readonly fault: 'doubled' | 'unreadable' | 'control'
}

/** Makes `Parameters` of values that were checked before, such as those of a sealed request. */
export function parametersOf({ values, resource }: SoundParameters): Parameters {
  return { [parsed]: { values, resource, faults: [] } }
}

/**
 * Makes `Parameters` of texts that were not URL-encoded, such as those in a request object. They have the same faults as the parameters of a query.
 *
 * @param values names that Signet knows, each once
 */
export function parametersFrom(
  values: readonly (readonly [string, string])[],
  resource: readonly string[],
): Parameters {
  const faults: ParameterFault[] = []
  for (const [name, value] of [...values, ...resource.map((one) => ['resource', one] as const)]) {
    if (!isText(value)) faults.push({ name, fault: 'unreadable' })
    else if (hasControl(value)) faults.push({ name, fault: 'control' })
  }
  const sent = values.filter(([, value]) => value !== '')
  return { [parsed]: { values: new Map(sent), resource: resource.filter((one) => one !== ''), faults } }
}

export const noParameters = parametersOf({ values: new Map(), resource: [] })

/** The result if nothing can be read. */
export const unreadableParameters: Parameters = {
  [parsed]: { values: new Map(), resource: [], faults: [{ name: '', fault: 'unreadable' }] },
}

export function faultsIn(parameters: Parameters): readonly ParameterFault[] {
  return parameters[parsed].faults
}

/** @throws OAuthError for the first fault of any parameter */
export function soundParameters(parameters: Parameters): SoundParameters {
  const [fault] = faultsIn(parameters)
  if (fault) throw faultyParameter(fault)
  return parameters[parsed]
}

/** @throws OAuthError for a fault of this parameter; if it was sent twice, neither value is chosen */
export function soundValue(parameters: Parameters, name: string): string | undefined {
  const fault = faultsIn(parameters).find((one) => one.name === name)
  if (fault) throw faultyParameter(fault)
  return parameters[parsed].values.get(name)
}

/**
 * What a person typed into a form. The rules of each field decide about control characters: a password can have a tab, an address several
 * lines.
 *
 * @throws OAuthError for the first fault that is not a control character
 */
export function typedValues(parameters: Parameters): ReadonlyMap<string, string> {
  const fault = faultsIn(parameters).find((one) => one.fault !== 'control')
  if (fault) throw faultyParameter(fault)
  return parameters[parsed].values
}

/**
 * A value as it was sent, regardless of faults. Use it only where no decision depends on the value, or where the faults are checked as well.
 *
 * @param sent `request.query` or `request.body`. It may not have been parsed by Signet: Fastify parses the query itself if no route matches,
 *   and a body may be missing
 */
export function sentValue(sent: unknown, name: string): string | undefined {
  return (sent as Partial<Parameters> | null | undefined)?.[parsed]?.values.get(name)
}

/** Whether a parameter was sent with a value, in whatever condition. */
export function wasSent(parameters: Parameters, name: string): boolean {
  const { values, faults } = parameters[parsed]
  return values.has(name) || faults.some((one) => one.name === name)
}

const maxParameters = 100

/**
 * Parses `application/x-www-form-urlencoded` (RFC 6749 Appendix B: UTF-8). Nothing is repaired: a duplicate parameter, bytes
 * that are not UTF-8, NUL and other control characters are faults. A value whose only fault is `control` is still returned.
 */
export function parseParameters(encoded: string): Parameters {
  // Most requests have no query.
  if (encoded === '') return noParameters
  const values = new Map<string, string>()
  const seen = new Set<string>()
  const resource: string[] = []
  const faults: ParameterFault[] = []
  const pairs = encoded.split('&', maxParameters + 1)
  // The rest would not be read, so nothing is.
  if (pairs.length > maxParameters) return unreadableParameters
  for (const pair of pairs) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    if (name === undefined || value === undefined || hasControl(name)) {
      faults.push({ name: name === undefined || hasControl(name) ? '' : name, fault: 'unreadable' })
      continue
    }
    if (hasControl(value)) faults.push({ name, fault: 'control' })
    if (name === 'resource') {
      if (value !== '') resource.push(value)
      continue
    }
    if (seen.has(name)) faults.push({ name, fault: 'doubled' })
    seen.add(name)
    if (value !== '') values.set(name, value)
  }
  return { [parsed]: { values, resource, faults } }
}

/** Tab, line breaks and the C1 controls, which a pasted password or a postal address can have. No parameter of a specification has them. */
function hasControl(text: string): boolean {
  return /[\t\n\r\x80-\x9f]/.test(text)
}

/** Whether it can be written in UTF-8, and has no control characters that nobody types. */
function isText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for control characters
  return !/\p{Surrogate}/u.test(text) && !/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text)
}

/** Undefined for malformed percent-encoding, for bytes that are not UTF-8, and for control characters that nobody types. */
function decode(text: string): string | undefined {
  // Most names and values contain nothing to decode.
  if (/^[\w.~:-]*$/.test(text)) return text
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    return isText(decoded) ? decoded : undefined
  } catch {
    return undefined
  }
}

/**
 * The error for a fault. The name is repeated only if it looks like the name of a parameter: the author of a link or a form chooses it, and
 * could otherwise put their own text on one of our pages.
 */
export function faultyParameter({ name, fault }: ParameterFault): OAuthError {
  if (fault === 'unreadable' && name === '') return new OAuthError('parameters_unreadable')
  const entries = {
    doubled: 'parameter_doubled',
    unreadable: 'parameter_unreadable',
    control: 'parameter_control',
  } as const
  return new OAuthError(entries[fault], {
    param: /^[\w.-]{1,40}$/.test(name) ? `The parameter '${withoutSecrets(name)}'` : 'A parameter',
  })
}
