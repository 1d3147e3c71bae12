import { type Client, type ClientMetadata, isPublic } from '../records/clients/client.ts'

/**
 * Whether the client registered a redirect URI. They are compared character by character (RFC 9700 §2.1, RFC 3986 §6.2.1). The only
 * exception is RFC 8252 §7.3: an app on the person's machine gets its loopback port from the system at run time.
 *
 * RFC 8252 §8.3 advises against the name `localhost`, so its port counts for registered clients. Client ID metadata documents of widely used apps have it without a port, and one
 * document is for all servers (RFC 9700 §4.1.3 has the same exception for it).
 */
export function isRegisteredRedirectUri(
  client: Pick<ClientMetadata, 'redirect_uris' | 'token_endpoint_auth_method'> & Partial<Pick<Client, 'document'>>,
  redirectUri: string,
): boolean {
  if (client.redirect_uris.includes(redirectUri)) return true
  const hosts = client.document ? /^(?:127\.0\.0\.1|\[::1\]|localhost)$/ : /^(?:127\.0\.0\.1|\[::1\])$/
  const presented = isPublic(client) ? withoutLoopbackPort(redirectUri, hosts) : undefined
  return presented !== undefined && client.redirect_uris.some((uri) => withoutLoopbackPort(uri, hosts) === presented)
}

function withoutLoopbackPort(uri: string, hosts: RegExp): string | undefined {
  const [, host, port = '80', path = ''] = /^http:\/\/(\[[^\]]*\]|[^:/?#]*)(?::(\d{1,5}))?(\/[^#]*)?$/.exec(uri) ?? []
  return host !== undefined && hosts.test(host) && Number(port) <= 65_535 ? `http://${host}${path}` : undefined
}
