import { formatDuration } from '../../platform/config/setting-kinds.ts'
import { isLanguageTag, isPlainText, maxNameLength, shown } from '../plain-text.ts'
import { isOpenidScope, isScopeToken, type Resource } from './resource.ts'

/** A resource that cannot be registered. The message explains why. */
export class InvalidResource extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvalidResource'
  }
}

const maxIdentifierLength = 2000 // characters
const maxScopes = 100
/** Characters. The consent page lists all scopes, and must be short enough to be read. */
const maxDescriptionLength = 200
/** Seconds. The bounds catch mistakes with the unit. */
const minTtl = 10
const maxTtl = 365 * 86_400

/**
 * Checks all values of a resource.
 *
 * @param issuer the issuer, which cannot be registered because it is the resource of the OpenID scopes
 * @param others the other resources that own one of its scopes. There must be none, because a scope belongs to one resource
 * @throws InvalidResource for the first fault found
 */
export function checkResource(resource: Resource, issuer: string, others: readonly Resource[]): void {
  checkIdentifier(resource.identifier, issuer)
  if (resource.name !== undefined && !isPlainText(resource.name, maxNameLength))
    throw new InvalidResource(`The name must be 1 to ${maxNameLength} characters, without control characters.`)
  const ttl = resource.accessTokenTtl
  if (ttl !== undefined && !(Number.isInteger(ttl) && ttl >= minTtl && ttl <= maxTtl))
    throw new InvalidResource(
      `The access token lifetime must be from ${formatDuration(minTtl)} to ${formatDuration(maxTtl)}.`,
    )
  if (resource.scopes.length > maxScopes)
    throw new InvalidResource(`A resource must not have more than ${maxScopes} scopes.`)
  for (const scope of resource.scopes) checkScope(scope, others)
  checkScopeDescriptions(resource)
}

/** People read these before they consent, so they must not contain anything that hides or reverses the surrounding text. */
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
    if (!isPlainText(text, maxDescriptionLength))
      throw new InvalidResource(
        `The description of ${named} must be 1 to ${maxDescriptionLength} characters, without control characters.`,
      )
    const key = JSON.stringify([scope, language?.toLowerCase()])
    if (seen.has(key)) throw new InvalidResource(`The scope ${named} has two descriptions.`)
    seen.add(key)
  }
}

function checkIdentifier(identifier: string, issuer: string): void {
  // RFC 8707 §2: an absolute URI (RFC 3986 §4.3), without a fragment. It is compared character by character.
  if (identifier.length > maxIdentifierLength)
    throw new InvalidResource(`The identifier must not be longer than ${maxIdentifierLength} characters.`)
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/.test(identifier))
    throw new InvalidResource(
      `The identifier '${shown(identifier)}' is not an absolute URI without a fragment (RFC 8707 section 2), such as https://api.example.com.`,
    )
  if (/^https?:/i.test(identifier)) checkWebIdentifier(identifier)
  if (identifier === issuer || identifier === `${issuer}/`)
    throw new InvalidResource(
      'The issuer itself is the resource of the OpenID scopes; an API needs a different identifier.',
    )
}

/**
 * The identifier must be in the form that a URL parser writes. Otherwise two spellings of one API (`HTTPS://API.example`, a default port)
 * would count as two.
 */
function checkWebIdentifier(identifier: string): void {
  const url = URL.canParse(identifier) ? new URL(identifier) : undefined
  if (url?.username !== '' || url.password !== '')
    throw new InvalidResource(
      `The identifier '${shown(identifier)}' is not a valid URL, or contains a user name or password.`,
    )
  const usual = identifier.startsWith(url.origin) && /^(?:[/?]|$)/.test(identifier.slice(url.origin.length))
  if (!usual || url.hostname.endsWith('.') || url.hostname.includes('*'))
    throw new InvalidResource(
      `The identifier '${shown(identifier)}' is not written in its usual form: scheme and host in lower case, no default port, no dot at the end.`,
    )
}

function checkScope(scope: string, others: readonly Resource[]): void {
  if (!isScopeToken(scope)) throw new InvalidResource(`'${shown(scope)}' is not a scope (RFC 6749 section 3.3).`)
  if (isOpenidScope(scope))
    throw new InvalidResource(
      `The scope '${scope}' is reserved for OpenID Connect: it belongs to Signet itself, and a resource cannot have it.`,
    )
  const owner = others.find(({ scopes }) => scopes.includes(scope))
  if (owner)
    throw new InvalidResource(
      `The scope '${scope}' belongs to ${owner.identifier}. Each scope can belong to one resource only.`,
    )
}
