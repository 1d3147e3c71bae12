import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { Settings } from '../../platform/config/settings.ts'
import { bareHost } from './bare-host.ts'
import { bad, type Finding, good, skipped } from './finding.ts'
import { reasonOf } from './reason.ts'

/** The files from which Signet serves HTTPS itself. How long the certificate lives is seen from outside. */
export async function checkTlsFiles({ tls, issuer }: Pick<Settings, 'tls' | 'issuer'>): Promise<Finding> {
  if (!tls) return skipped('tls-files', 'Signet does not serve HTTPS itself.')
  let file = tls.certFile
  try {
    const certificate = new X509Certificate(await readFile(file))
    file = tls.keyFile
    const key = createPrivateKey(await readFile(file))
    const host = bareHost(issuer)
    if (!certificate.checkPrivateKey(key))
      return bad(
        'tls-files',
        'SIGNET_TLS_KEY is not the key of SIGNET_TLS_CERT.',
        'Set both to files of one certificate.',
      )
    if (!(isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)))
      return bad('tls-files', `The certificate in ${tls.certFile} is not for ${host}.`, `Get one that names ${host}.`)
    return good('tls-files', 'Certificate and key belong together.')
  } catch (error) {
    return bad('tls-files', `${file} cannot be used: ${reasonOf(error)}.`, 'Both are PEM files that Signet can read.')
  }
}
