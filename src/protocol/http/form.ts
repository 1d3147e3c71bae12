import { OAuthError } from '../errors/oauth-error.ts'
import { noParameters, type Parameters, soundParameters } from './parameters.ts'

/** The limit of a parameter: a maximum number of characters, or a pattern that the value must match. */
export type Bound = number | RegExp

/** The parameters of an endpoint that were sent. */
export type Form<Name extends string> = { readonly [name in Name]?: string }

/**
 * Reads the parameters of an endpoint from a form and checks their bounds. Unknown parameters are ignored (RFC 6749 §3.1).
 *
 * @throws OAuthError if any parameter of the form was sent twice or cannot be read, or if a known one is out of bounds
 */
export function readForm<Name extends string>(
  body: Parameters | undefined,
  bounds: Readonly<Record<Name, Bound>>,
): Form<Name> {
  const form: { [name in Name]?: string } = {}
  for (const [sent, value] of soundParameters(body ?? noParameters).values) {
    if (!Object.hasOwn(bounds, sent)) continue
    const name = sent as Name
    if (!isWithin(value, bounds[name])) throw malformed(name, `${value.length} characters`)
    form[name] = value
  }
  return form
}

function isWithin(value: string, bound: Bound): boolean {
  return typeof bound === 'number' ? value.length <= bound : bound.test(value)
}

const maxResources = 20

/** Characters. */
const maxResourceLength = 2048

/**
 * The resources that a form names (RFC 8707 §2). This is the only parameter that may be sent more than once.
 *
 * @throws OAuthError if any parameter of the form has a fault, or if there are too many resources, or one is too long
 */
export function readResources(body: Parameters | undefined): readonly string[] {
  const { resource } = soundParameters(body ?? noParameters)
  if (resource.length > maxResources) throw malformed('resource', `sent ${resource.length} times`)
  const long = resource.find(({ length }) => length > maxResourceLength)
  if (long !== undefined) throw malformed('resource', `${long.length} characters`)
  return resource
}

function malformed(name: string, detail: string): OAuthError {
  return new OAuthError('parameter_malformed', { param: name, detail: `${name}: ${detail}` })
}
