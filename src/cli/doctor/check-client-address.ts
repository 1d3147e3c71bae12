import { canonicalAddress, isWithin } from '../../platform/network-address.ts'
import { bad, type Finding, good, skipped, warning } from './finding.ts'

export interface SeenAddress {
  /** The false address that the check sent in X-Forwarded-For. */
  readonly forged: string
  /** The address that Signet recorded. */
  readonly recorded: string
  /** The local address of the connection on this machine. */
  readonly own: string
  readonly trustProxy: readonly string[]
  /** Whether there is known to be a proxy in front of Signet. */
  readonly hasProxy: boolean
}

/** Whether Signet determines the caller's address correctly, from a request that forged it. Limits on guessing use this address. */
export function judgeClientAddress({ forged, recorded, own, trustProxy, hasProxy }: SeenAddress): Finding {
  const seen = canonicalAddress(recorded) ?? recorded
  const here = canonicalAddress(own) ?? own
  if (seen === forged) {
    if (isWithin(own, trustProxy))
      return skipped(
        'client-address',
        `This machine (${own}) is in SIGNET_TRUST_PROXY, so Signet trusts what it sends. Run this check from another machine.`,
      )
    return bad(
      'client-address',
      'Signet trusted a forged X-Forwarded-For: limits on guessing passwords can be bypassed, and events contain the wrong address.',
      'Make the proxy replace X-Forwarded-For or append to it ($proxy_add_x_forwarded_for), and list only the proxy in SIGNET_TRUST_PROXY.',
    )
  }
  if (trustProxy.length === 0 && (hasProxy || seen !== here))
    return warning(
      'client-address',
      `Signet takes ${seen} for the caller, but this machine is ${here}. If that is a proxy, limits count all callers as one.`,
      `If ${seen} is a proxy, set SIGNET_TRUST_PROXY=${seen} and make the proxy send X-Forwarded-For. If it is the public address of ` +
        'this network, nothing is wrong.',
    )
  if (trustProxy.length > 0 && isWithin(seen, trustProxy) && !isWithin(own, trustProxy))
    return warning(
      'client-address',
      `Signet takes ${seen}, a proxy, for the caller: limits count all callers as one.`,
      'Make the proxy send X-Forwarded-For, ending with the IP address of its own client. A port may follow the address; a name or ' +
        '`unknown` is not valid.',
    )
  return good('client-address', `Signet did not trust a forged X-Forwarded-For and recorded ${seen}.`)
}
