import { bad, type Finding, good } from './finding.ts'
import { type HttpResponse, jsonObjectOf } from './http-request.ts'
import { shortened } from './reason.ts'

/**
 * The metadata as clients receive it (OpenID Connect Discovery §4). Verifiers require that its issuer is exactly the one that they
 * are configured with (§4.3).
 *
 * @param base the origin that was requested: the issuer, or another server
 */
export function judgeMetadata(answer: HttpResponse, issuer: string, base: string): Finding {
  const { status, headers, text } = answer
  if (status >= 300 && status < 400)
    return bad(
      'metadata',
      `The response is a redirect to ${quoted(headers.location)}.`,
      'Set SIGNET_ISSUER to exactly the address that responds without a redirect. Many verifiers do not follow redirects.',
    )
  if ([502, 503, 504].includes(status))
    return bad(
      'metadata',
      `A proxy responds (status ${status}) but does not reach Signet.`,
      'Check that Signet is running, and that the proxy points to SIGNET_HOST and SIGNET_PORT.',
    )
  if (status !== 200)
    return bad(
      'metadata',
      `The response has status ${status}.`,
      'Another program responds, or a proxy does not forward this path.',
    )
  if (text === undefined)
    return bad('metadata', 'The response is too long for metadata, or damaged.', 'Another program responds there.')
  const metadata = jsonObjectOf(answer)
  if (!metadata)
    return bad(
      'metadata',
      'The response is not a JSON object.',
      'Another program responds there, or a proxy with its own page.',
    )
  if (metadata['issuer'] !== issuer)
    return bad(
      'metadata',
      `Its issuer is ${quoted(metadata['issuer'])}, but SIGNET_ISSUER is "${issuer}".`,
      'Run this command with the settings of the server. If they were changed, restart the server. Otherwise point the address to it.',
    )
  const elsewhere = Object.entries(metadata).filter(
    ([name, value]) =>
      /(?:_endpoint|^jwks_uri)$/.test(name) && !(typeof value === 'string' && value.startsWith(`${issuer}/`)),
  )
  const [first] = elsewhere
  if (first)
    return bad(
      'metadata',
      `${shortened(first[0])} is ${quoted(first[1])}.`,
      'Something between here and Signet changes the response. Make the proxy forward bodies unchanged.',
    )
  const which = base === issuer ? 'this issuer' : `the issuer ${issuer}`
  return good('metadata', `${base}/.well-known/openid-configuration responds with ${which}.`)
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(shortened(value)) : 'none'
}
