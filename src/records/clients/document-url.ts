import { shownUriFault } from './redirect-uri-rules.ts'

/** Characters: the same limit as for every `client_id`. */
const maxLength = 255

/** Whether a `client_id` claims to be the URL of a client ID metadata document. One that is written in another way, such as `HTTPS:`, is an unknown client. */
export function looksLikeDocumentUrl(clientId: string): boolean {
  return clientId.startsWith('https://')
}

/**
 * Why a `client_id` cannot be the URL of a client ID metadata document (draft-ietf-oauth-client-id-metadata-document §3). What is checked is the text: a parsed URL no
 * longer shows dot-segments, an empty fragment or an empty user name.
 *
 * Such URLs are compared character by character (RFC 3986 §6.2.1) and never normalized. So a URL that a parser would change is refused: what is fetched would not be
 * what was compared. The draft also allows these spellings, and the path `/`, but recommends neither to clients.
 *
 * @returns the end of a sentence that starts with the URL
 */
export function documentUrlFault(clientId: string): string | undefined {
  if (clientId.length > maxLength) return `is longer than ${maxLength} characters`
  const fault = shownUriFault(clientId)
  if (fault) return fault
  const { path, query } = partsOf(clientId)
  if (path === '' || path === '/') return 'has no path'
  if (path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment)))
    return 'must not have dot-segments in its path'
  if (query === '') return 'must not have an empty query'
  const { href, pathname, search } = new URL(clientId)
  return href === clientId && `${pathname}${search}` === path + (query === undefined ? '' : `?${query}`)
    ? undefined
    : 'must be in the form that URL parsers leave unchanged'
}

/**
 * Whether the operator accepts documents of a host.
 *
 * @param hosts SIGNET_CLIENT_ID_METADATA_HOSTS: a host, `*.example.com` for every host below one, `*` for every host
 * @param url one for which `documentUrlFault` returns undefined. Its port does not matter
 */
export function isAllowedDocumentHost(hosts: readonly string[], url: string): boolean {
  const { hostname } = new URL(url)
  // With the dot, so that `evilexample.com` is not below `example.com`.
  return hosts.some(
    (entry) => entry === '*' || entry === hostname || (entry.startsWith('*.') && hostname.endsWith(entry.slice(1))),
  )
}

function partsOf(url: string): { readonly path: string; readonly query: string | undefined } {
  const [, path = '', query] = /^https:\/\/[^/?]*([^?]*)(?:\?(.*))?$/s.exec(url) ?? []
  return { path, query }
}
