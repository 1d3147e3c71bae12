import type { IncomingMessage } from 'node:http'
import { OAuthError } from '../errors/oauth-error.ts'

/** Headers of one value. Of two, Node keeps the first and says nothing; a proxy in front may have gone by the second. */
const single = ['host', 'authorization', 'content-type']
const singleLengths = new Set(single.map((name) => name.length))

/** RFC 9110 §7.2, RFC 3986 §3.2.2: a name or an address in brackets, and perhaps a port. It may be empty. */
const hostForm = /^(?:(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})*|\[[0-9a-f:.]+\])(?::\d*)?$/i

/**
 * What is wrong with the headers that say for whom and from whom a request is. RFC 9112 §3.2 demands status 400 for a request without
 * Host (in HTTP/1.1), with more than one, or with one that is not well formed.
 *
 * @returns undefined where nothing is
 */
export function headerFault({ httpVersion, headers, rawHeaders }: IncomingMessage): OAuthError | undefined {
  if (headers.host === undefined && httpVersion !== '1.0') return new OAuthError('host_missing')
  if (headers.host !== undefined && !hostForm.test(headers.host)) return new OAuthError('host_malformed')
  const doubled = doubledHeader(rawHeaders)
  return doubled === undefined ? undefined : new OAuthError('header_doubled', { about: doubled })
}

/** @param rawHeaders names and values in turn, as they came */
function doubledHeader(rawHeaders: readonly string[]): string | undefined {
  const seen: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    // This is done for every request, and most names are of another length.
    if (!singleLengths.has(name.length)) continue
    const lowerCase = name.toLowerCase()
    if (!single.includes(lowerCase)) continue
    if (seen.includes(lowerCase)) return lowerCase
    seen.push(lowerCase)
  }
  return undefined
}
