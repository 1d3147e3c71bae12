import { type Answer, objectIn } from './ask.ts'
import { bad, type Finding, good } from './finding.ts'
import { shortened } from './reason.ts'

/**
 * The metadata as the world gets it (OpenID Connect Discovery §4). Verifiers hold the issuer against the one they were told, to the
 * letter (§4.3).
 *
 * @param base the origin that was asked: the issuer, or another way to it
 */
export function judgeMetadata(answer: Answer, issuer: string, base: string): Finding {
  const { status, headers, text } = answer
  if (status >= 300 && status < 400)
    return bad(
      'metadata',
      `It is answered with a redirect to ${quoted(headers.location)}.`,
      'Let SIGNET_ISSUER be the address that answers itself, to the letter; many verifiers do not follow redirects.',
    )
  if ([502, 503, 504].includes(status))
    return bad(
      'metadata',
      `A proxy answers (status ${status}), and does not reach Signet.`,
      'Look whether Signet runs, and whether the proxy leads to SIGNET_HOST and SIGNET_PORT.',
    )
  if (status !== 200)
    return bad(
      'metadata',
      `It is answered with status ${status}.`,
      'Another program answers, or a proxy keeps this path.',
    )
  if (text === undefined)
    return bad('metadata', 'The answer is longer than any metadata, or damaged.', 'Another program answers there.')
  const metadata = objectIn(answer)
  if (!metadata)
    return bad(
      'metadata',
      'The answer is no JSON object.',
      'Another program answers there, or a proxy with a page of its own.',
    )
  if (metadata['issuer'] !== issuer)
    return bad(
      'metadata',
      `It says that its issuer is ${quoted(metadata['issuer'])}, and SIGNET_ISSUER is "${issuer}".`,
      'Give this command the settings of the server; restart the server if they were changed; or lead the address to this one.',
    )
  const elsewhere = Object.entries(metadata).filter(
    ([name, value]) =>
      /(?:_endpoint|^jwks_uri)$/.test(name) && !(typeof value === 'string' && value.startsWith(`${issuer}/`)),
  )
  const [first] = elsewhere
  if (first)
    return bad(
      'metadata',
      `${shortened(first[0])} leads to ${quoted(first[1])}.`,
      'Something between here and Signet changes what it says: let the proxy pass bodies on as they are.',
    )
  const which = base === issuer ? 'this issuer' : `the issuer ${issuer}`
  return good('metadata', `${base}/.well-known/openid-configuration answers, with ${which}.`)
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(shortened(value)) : 'none'
}
