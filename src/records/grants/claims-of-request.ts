/** Names of claims that an authorization request asks for one by one, and where it wants them (OpenID Connect Core §5.5). */
export interface RequestedClaims {
  /** In the response of the userinfo endpoint. */
  readonly userinfo: readonly string[]
  readonly idToken: readonly string[]
}

/** Those of a request without the parameter `claims`. */
export const noClaims: RequestedClaims = { userinfo: [], idToken: [] }
