import { isIP } from 'node:net'
import { checkServerIdentity, connect } from 'node:tls'
import { bareHost } from './ask.ts'
import { bad, type Finding, good, warning } from './finding.ts'
import { shortened, stepLimit } from './reason.ts'

/** What a server presents at the TLS handshake. */
export interface PresentedCertificate {
  readonly host: string
  /** Why it is not to be believed: OpenSSL's or Node's code. */
  readonly fault: string | undefined
  /** Milliseconds since 1970. */
  readonly validFrom: number
  readonly validTo: number
  readonly names: string
}

/** Days that are left when it is time to look why the certificate has not been renewed. */
const soon = 21
const day = 86_400_000

/**
 * The certificate of a server, good or not: it is looked at, and nothing is sent.
 *
 * @param base where to connect
 * @param issuer whose host the certificate must name, wherever it is presented
 * @throws what the connection says
 */
export function seeCertificate(base: string, issuer: string, asked: AbortSignal): Promise<PresentedCertificate> {
  const url = new URL(base)
  const host = bareHost(issuer)
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.any([asked, AbortSignal.timeout(stepLimit)])
    const socket = connect({
      ...{ host: bareHost(base), port: Number(url.port || 443), ALPNProtocols: ['http/1.1'] },
      // RFC 6066 §3: a server name is no address.
      ...{ rejectUnauthorized: false, servername: isIP(host) ? '' : host },
      checkServerIdentity: (_host, certificate) => checkServerIdentity(host, certificate),
    })
    const give = () => {
      reject(signal.reason)
      socket.destroy()
    }
    signal.addEventListener('abort', give, { once: true })
    // Not only once: the server may break off after the certificate was read.
    socket.on('error', reject)
    socket.once('secureConnect', () => {
      const { valid_from, valid_to, subjectaltname } = socket.getPeerCertificate()
      // Typed as an Error; it is the code.
      const fault = socket.authorized ? undefined : String(socket.authorizationError)
      resolve({
        host,
        fault,
        validFrom: Date.parse(valid_from),
        validTo: Date.parse(valid_to),
        names: subjectaltname ?? '',
      })
      signal.removeEventListener('abort', give)
      socket.destroy()
    })
    if (signal.aborted) give()
  })
}

/** @param now milliseconds since 1970 */
export function judgeCertificate(
  { host, fault, validFrom, validTo, names }: PresentedCertificate,
  now: number,
): Finding {
  const date = (moment: number) => new Date(moment).toISOString().slice(0, 10)
  if (now > validTo)
    return bad('certificate', `It expired on ${date(validTo)}.`, 'Renew it, and let the server read it again.')
  if (now < validFrom)
    return bad(
      'certificate',
      `It is not valid before ${date(validFrom)}.`,
      "Look at this machine's clock and the certificate.",
    )
  if (fault !== undefined) return bad('certificate', ...wordsOf(fault, host, names))
  const days = Math.floor((validTo - now) / day)
  const left = `It is good for another ${days} days, until ${date(validTo)}`
  return days < soon
    ? warning('certificate', `${left}.`, 'It should have been renewed by now: look at what renews it.')
    : good('certificate', `${left}.`)
}

function wordsOf(fault: string, host: string, names: string): [finding: string, advice: string] {
  switch (fault) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return [
        `It is not for ${host}, but for ${shortened(names) || 'nobody'}.`,
        `Present one that names ${host}; the proxy may have chosen another site's.`,
      ]
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return [
        'It is self-signed: no verifier believes it.',
        'Get one from an authority, or name it in NODE_EXTRA_CA_CERTS everywhere.',
      ]
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return [
        'It is from an authority that this machine does not know.',
        'Where the authority is your own, name it in NODE_EXTRA_CA_CERTS, here and for every service that verifies.',
      ]
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return [
        'The certificates between it and the authority are missing, or the authority is not known here.',
        'Serve the whole chain (fullchain.pem), not the one certificate: browsers forgive that, services do not.',
      ]
    default:
      return [`It is not believed: ${shortened(fault)}.`, 'Look at it: openssl s_client -connect <host>:443']
  }
}
