import { formatDuration } from '../../platform/config/setting-kinds.ts'
import { isLanguageTag, isPlainText, longestName, shown } from '../plain-text.ts'
import { isOpenidScope, isScopeToken, type Resource } from './resource.ts'

/** A resource that cannot be registered; a plain sentence says why. */
export class InvalidResource extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvalidResource'
  }
}

const longestIdentifier = 2000 // characters
const mostScopes = 100
/** Characters. The consent page lists all scopes, and must stay short enough to be read. */
const longestDescription = 200
/** Seconds. The bounds keep out slips of the unit. */
const shortestTtl = 10
const longestTtl = 365 * 86_400

/**
 * Checks a resource as a whole.
 *
 * @param issuer which is the resource of the OpenID scopes, and nobody else's
 * @param others the other resources that own one of its scopes: a scope belongs to one resource
 * @throws InvalidResource for the first fault found
 */
export function checkResource(resource: Resource, issuer: string, others: readonly Resource[]): void {
  checkIdentifier(resource.identifier, issuer)
  if (resource.name !== undefined && !isPlainText(resource.name, longestName))
    throw new InvalidResource(`The name must be 1 to ${longestName} characters, without control characters.`)
  const ttl = resource.accessTokenTtl
  if (ttl !== undefined && !(Number.isInteger(ttl) && ttl >= shortestTtl && ttl <= longestTtl))
    throw new InvalidResource(
      `The access token lifetime must be from ${formatDuration(shortestTtl)} to ${formatDuration(longestTtl)}.`,
    )
  if (resource.scopes.length > mostScopes)
    throw new InvalidResource(`A resource must not have more than ${mostScopes} scopes.`)
  for (const scope of resource.scopes) checkScope(scope, others)
  checkScopeDescriptions(resource)
}

/** People read these before they consent, so nothing in them may hide or turn what stands around it. */
function checkScopeDescriptions({ scopes, scopeDescriptions }: Resource): void {
  const seen = new Set<string>()
  for (const { scope, language, text } of scopeDescriptions) {
    const named = language === undefined ? `'${shown(scope)}'` : `'${shown(scope)}' in '${shown(language)}'`
    if (!scopes.includes(scope))
      throw new InvalidResource(`'${shown(scope)}' has a description, but the resource does not have this scope.`)
    if (language !== undefined && !isLanguageTag(language))
      throw new InvalidResource(
        `The language of the description of ${named} is not a language tag such as de-CH (RFC 5646).`,
      )
    if (!isPlainText(text, longestDescription))
      throw new InvalidResource(
        `The description of ${named} must be 1 to ${longestDescription} characters, without control characters.`,
      )
    const key = JSON.stringify([scope, language?.toLowerCase()])
    if (seen.has(key)) throw new InvalidResource(`The scope ${named} has two descriptions.`)
    seen.add(key)
  }
}

function checkIdentifier(identifier: string, issuer: string): void {
  // RFC 8707 §2: an absolute URI (RFC 3986 §4.3), without a fragment. It is compared character by character.
  if (identifier.length > longestIdentifier)
    throw new InvalidResource(`The identifier must not be longer than ${longestIdentifier} characters.`)
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/.test(identifier))
    throw new InvalidResource(
      `The identifier '${shown(identifier)}' is not an absolute URI without a fragment (RFC 8707 section 2), such as https://api.example.com.`,
    )
  if (/^https?:/i.test(identifier)) checkWebIdentifier(identifier)
  if (identifier === issuer || identifier === `${issuer}/`)
    throw new InvalidResource(
      'The issuer itself is the resource of the OpenID scopes; an API needs an identifier of its own.',
    )
}

/** Written as an URL parser writes it, or two spellings of one API (`HTTPS://API.example`, a default port) pass for two. */
function checkWebIdentifier(identifier: string): void {
  const url = URL.canParse(identifier) ? new URL(identifier) : undefined
  if (url?.username !== '' || url.password !== '')
    throw new InvalidResource(
      `The identifier '${shown(identifier)}' is not a URI that leads anywhere, or has a user name.`,
    )
  const usual = identifier.startsWith(url.origin) && /^(?:[/?]|$)/.test(identifier.slice(url.origin.length))
  if (!usual || url.hostname.endsWith('.') || url.hostname.includes('*'))
    throw new InvalidResource(
      `The identifier '${shown(identifier)}' is not written in its usual form: scheme and host in lower case, no default port, no dot at the end.`,
    )
}

function checkScope(scope: string, others: readonly Resource[]): void {
  if (!isScopeToken(scope)) throw new InvalidResource(`'${shown(scope)}' is not a scope (RFC 6749 section 3.3).`)
  if (isOpenidScope(scope)) throw new InvalidResource(`The scope '${scope}' is OpenID's; a resource cannot have it.`)
  const owner = others.find(({ scopes }) => scopes.includes(scope))
  if (owner)
    throw new InvalidResource(`The scope '${scope}' belongs to ${owner.identifier}; each belongs to one resource.`)
}
