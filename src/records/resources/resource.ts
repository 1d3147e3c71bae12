import type { SigningAlgorithm } from '../../platform/jwt/algorithms.ts'

/** An API that takes access tokens (RFC 8707). */
export interface Resource {
  /** An absolute URI without a fragment (RFC 8707 §2). */
  readonly identifier: string
  readonly name: string | undefined
  readonly scopes: readonly string[]
  /** Seconds; undefined: the setting's. */
  readonly accessTokenTtl: number | undefined
  readonly accessTokenSigningAlg: SigningAlgorithm
  /** The clients that serve it, and so may ask about its tokens (RFC 7662 §2.1). */
  readonly servedBy: readonly string[]
}
