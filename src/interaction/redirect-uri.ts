import { type ClientMetadata, isPublic } from '../records/clients/client.ts'

/**
 * Whether the client registered a redirect URI. They are compared character by character (RFC 9700 §2.1, RFC 3986 §6.2.1). The only
 * exception is RFC 8252 §7.3: an app on the person's machine gets its loopback port from the system at run time.
 */
export function isRegisteredRedirectUri(
  client: Pick<ClientMetadata, 'redirect_uris' | 'token_endpoint_auth_method'>,
  redirectUri: string,
): boolean {
  if (client.redirect_uris.includes(redirectUri)) return true
  const presented = isPublic(client) ? withoutLoopbackPort(redirectUri) : undefined
  return presented !== undefined && client.redirect_uris.some((uri) => withoutLoopbackPort(uri) === presented)
}

/** Only loopback addresses: `localhost` can be made to resolve to another machine (RFC 8252 §8.3). */
function withoutLoopbackPort(uri: string): string | undefined {
  const match = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::(\d{1,5}))?(\/[^#]*)?$/.exec(uri)
  return match && Number(match[2] ?? 80) <= 65_535 ? `${match[1]}${match[3] ?? ''}` : undefined
}
