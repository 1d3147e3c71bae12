import type { AccessTokenAlgorithm } from '../../platform/jwt/algorithms.ts'

/** What a scope allows, for the consent page. */
export interface ScopeDescription {
  readonly scope: string
  /** A BCP 47 tag; undefined for the description in all other languages. */
  readonly language: string | undefined
  readonly text: string
}

/** An API that accepts access tokens (RFC 8707). */
export interface Resource {
  /** An absolute URI without a fragment (RFC 8707 §2). */
  readonly identifier: string
  readonly name: string | undefined
  readonly scopes: readonly string[]
  readonly scopeDescriptions: readonly ScopeDescription[]
  /** Seconds; undefined: the value of the setting. */
  readonly accessTokenTtl: number | undefined
  readonly accessTokenSigningAlg: AccessTokenAlgorithm
  /** The clients that serve it, and so may introspect its tokens (RFC 7662 §2.1). */
  readonly servedBy: readonly string[]
  /**
   * Whether a token for its scopes is also for userinfo if the request has `openid` and names no resource. Whoever serves it could then read the
   * person's claims with any such token.
   */
  readonly userinfoAudience: boolean
  /** Whether clients that registered themselves may request it and its scopes (RFC 7591). */
  readonly selfRegisteredClients: boolean
  /** Whether its tokens have the claims `groups` and `roles` if the request has these scopes (RFC 9068 §2.2.3.1). */
  readonly groupsClaim: boolean
}

/**
 * The scopes that belong to the issuer; a resource cannot own them. They are those of OpenID Connect Core §5.4 and §11, and `groups` and `roles`:
 * the groups of a person, under the claim name that the application expects.
 */
export const openidScopes = [
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'groups',
  'roles',
  'offline_access',
] as const

export function isOpenidScope(scope: string): boolean {
  return (openidScopes as readonly string[]).includes(scope)
}

/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ). The maximum length is Signet's. */
export function isScopeToken(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(text)
}

/**
 * The description of a scope in a language: the one in that language or a variety of it (RFC 4647 §3.4), otherwise the one without a language,
 * otherwise the first one. A description in another language says more than the name of the scope alone.
 *
 * @param language a BCP 47 tag
 */
export function descriptionFor(
  scope: string,
  language: string,
  descriptions: readonly ScopeDescription[],
): ScopeDescription | undefined {
  const own = descriptions.filter((description) => description.scope === scope)
  const fits = ({ language: tag }: ScopeDescription) => tag?.toLowerCase() === language.toLowerCase()
  const isVariety = ({ language: tag }: ScopeDescription) =>
    tag?.toLowerCase().split(/[-_]/)[0] === language.toLowerCase().split(/[-_]/)[0]
  return own.find(fits) ?? own.find(isVariety) ?? own.find(({ language: tag }) => tag === undefined) ?? own[0]
}
