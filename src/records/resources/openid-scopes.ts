/** The scopes of OpenID Connect Core §5.4 and §11. They belong to the issuer; a resource cannot own them. */
export const openidScopes = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'] as const

export function isOpenidScope(scope: string): boolean {
  return (openidScopes as readonly string[]).includes(scope)
}

/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ). The length is ours. */
export function isScopeToken(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(text)
}
