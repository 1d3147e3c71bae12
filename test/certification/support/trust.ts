import { syncBuiltinESMExports } from 'node:module'
import tls from 'node:tls'

/**
 * Lets every connection of this process trust a certificate, as NODE_EXTRA_CA_CERTS does for an operator. Node reads that variable at its start, and fetch, undici
 * and `node:https` have settings of their own, but all of them create their contexts here.
 */
export function trustInThisProcess(certificate: string): void {
  const { createSecureContext } = tls
  tls.createSecureContext = (options) => {
    const secure = createSecureContext(options)
    // Certificates in the options replace those of the system, so they are all that such a connection trusts.
    if (options?.ca === undefined) secure.context.addCACert(certificate)
    return secure
  }
  syncBuiltinESMExports()
}
