import { isIP } from 'node:net'
import { checkServerIdentity, connect } from 'node:tls'
import { bad, type Finding, good, warning } from './finding.ts'
import { bareHost } from './http-request.ts'
import { shortened, stepTimeout } from './reason.ts'

/** What a server presents at the TLS handshake. */
export interface PresentedCertificate {
  readonly host: string
  /** Why it is not trusted: an error code of OpenSSL or Node. */
  readonly fault: string | undefined
  /** Milliseconds since 1970. */
  readonly validFrom: number
  readonly validTo: number
  readonly names: string
}

/** Days of validity. With fewer left, the certificate should have been renewed already. */
const minDaysLeft = 21
const day = 86_400_000

/**
 * Reads the certificate of a server, valid or not, without sending a request.
 *
 * @param base where to connect
 * @param issuer the certificate must be for its host, wherever it is served
 * @throws errors of the connection
 */
export function readCertificate(base: string, issuer: string, stopSignal: AbortSignal): Promise<PresentedCertificate> {
  const url = new URL(base)
  const host = bareHost(issuer)
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.any([stopSignal, AbortSignal.timeout(stepTimeout)])
    const socket = connect({
      ...{ host: bareHost(base), port: Number(url.port || 443), ALPNProtocols: ['http/1.1'] },
      // RFC 6066 §3: a server name is not an IP address.
      ...{ rejectUnauthorized: false, servername: isIP(host) ? '' : host },
      checkServerIdentity: (_host, certificate) => checkServerIdentity(host, certificate),
    })
    const onAbort = () => {
      reject(signal.reason)
      socket.destroy()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    // Not `once`: the server may close the connection after the certificate was read.
    socket.on('error', reject)
    socket.once('secureConnect', () => {
      const { valid_from, valid_to, subjectaltname } = socket.getPeerCertificate()
      // Its type is Error, but it is the code.
      const fault = socket.authorized ? undefined : String(socket.authorizationError)
      resolve({
        host,
        fault,
        validFrom: Date.parse(valid_from),
        validTo: Date.parse(valid_to),
        names: subjectaltname ?? '',
      })
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
    })
    if (signal.aborted) onAbort()
  })
}

/** @param now milliseconds since 1970 */
export function judgeCertificate(
  { host, fault, validFrom, validTo, names }: PresentedCertificate,
  now: number,
): Finding {
  const date = (moment: number) => new Date(moment).toISOString().slice(0, 10)
  if (now > validTo)
    return bad('certificate', `It expired on ${date(validTo)}.`, 'Renew it and make the server load the new one.')
  if (now < validFrom)
    return bad(
      'certificate',
      `It is not valid before ${date(validFrom)}.`,
      "Check this machine's clock and the certificate.",
    )
  if (fault !== undefined) return bad('certificate', ...describeFault(fault, host, names))
  const days = Math.floor((validTo - now) / day)
  const left = `It is valid for another ${days} days, until ${date(validTo)}`
  return days < minDaysLeft
    ? warning('certificate', `${left}.`, 'It should have been renewed by now. Check the automatic renewal.')
    : good('certificate', `${left}.`)
}

function describeFault(fault: string, host: string, names: string): [finding: string, advice: string] {
  switch (fault) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return [
        `It is not for ${host}, but for ${shortened(names) || 'no host'}.`,
        `Serve a certificate for ${host}. The proxy may have chosen that of another site.`,
      ]
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return [
        'It is self-signed: no verifier trusts it.',
        'Get one from a certificate authority, or add it to NODE_EXTRA_CA_CERTS everywhere.',
      ]
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return [
        'This machine does not trust the certificate authority that issued it.',
        'If the authority is your own, add it to NODE_EXTRA_CA_CERTS, here and for every service that verifies tokens.',
      ]
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return [
        'Intermediate certificates are missing, or this machine does not trust the certificate authority.',
        'Serve the full chain (fullchain.pem), not only the certificate: browsers tolerate that, services do not.',
      ]
    default:
      return [`It is not trusted: ${shortened(fault)}.`, 'Inspect it: openssl s_client -connect <host>:443']
  }
}
