import { httpsOnly } from '../html/link-target.ts'

/** The parameters that a third-party-initiated login adds to the address (OpenID Connect Core §4). */
export const initiationParameters = ['iss', 'login_hint', 'target_link_uri'] as const

/**
 * The link that starts a sign-in at an application (OpenID Connect Core §4). The application then sends an authorization request of its own. The
 * link says only which issuer to use: who the person is, the application learns from the ID token.
 *
 * @returns undefined if the application has not registered an https address for it
 */
export function initiateLoginHref(
  { initiate_login_uri: uri }: { readonly initiate_login_uri: string | undefined },
  issuer: string,
): string | undefined {
  const address = httpsOnly(uri)
  if (address === undefined) return undefined
  const separator = address.includes('?') ? (/[?&]$/.test(address) ? '' : '&') : '?'
  return `${address}${separator}iss=${encodeURIComponent(issuer)}`
}
