import { OAuthError } from '../errors/oauth-error.ts'
import { noParameters, type Parameters, soundParameters } from './parameters.ts'

/** What a parameter may be: so many characters at the most, or text of this form. */
export type Bound = number | RegExp

/** The parameters that an endpoint knows, as far as they came. */
export type Form<Name extends string> = { readonly [name in Name]?: string }

/**
 * Reads the parameters of a form that an endpoint knows, each within its bounds. Others are ignored (RFC 6749 §3.1).
 *
 * @throws OAuthError where any parameter of the form came twice or cannot be read, or a known one is out of bounds
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

const [mostResources, longestResource] = [20, 2048]

/**
 * The resources that a form names (RFC 8707 §2): the one parameter that may come more than once.
 *
 * @throws OAuthError where any parameter of the form has a fault, or there are more resources, or longer ones, than any client needs
 */
export function readResources(body: Parameters | undefined): readonly string[] {
  const { resource } = soundParameters(body ?? noParameters)
  if (resource.length > mostResources) throw malformed('resource', `${resource.length} of them`)
  const long = resource.find(({ length }) => length > longestResource)
  if (long !== undefined) throw malformed('resource', `${long.length} characters`)
  return resource
}

function malformed(about: string, detail: string): OAuthError {
  return new OAuthError('parameter_malformed', { about, detail: `${about}: ${detail}` })
}
