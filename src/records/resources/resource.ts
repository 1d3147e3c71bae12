import type { SigningAlgorithm } from '../../platform/jwt/algorithms.ts'

/** What the consent page says that a scope allows. */
export interface ScopeDescription {
  readonly scope: string
  /** A BCP 47 tag; undefined for readers of all languages that have no description of their own. */
  readonly language: string | undefined
  readonly text: string
}

/** An API that takes access tokens (RFC 8707). */
export interface Resource {
  /** An absolute URI without a fragment (RFC 8707 §2). */
  readonly identifier: string
  readonly name: string | undefined
  readonly scopes: readonly string[]
  readonly scopeDescriptions: readonly ScopeDescription[]
  /** Seconds; undefined: the setting's. */
  readonly accessTokenTtl: number | undefined
  readonly accessTokenSigningAlg: SigningAlgorithm
  /** The clients that serve it, and so may ask about its tokens (RFC 7662 §2.1). */
  readonly servedBy: readonly string[]
}
