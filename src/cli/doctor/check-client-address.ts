import { canonicalAddress, isWithin } from '../../platform/network-address.ts'
import { bad, type Finding, good, skipped, warning } from './finding.ts'

export interface SeenAddress {
  /** The address that X-Forwarded-For claimed. */
  readonly forged: string
  /** The one that Signet wrote down. */
  readonly recorded: string
  /** The one that this machine asked from. */
  readonly own: string
  readonly trustProxy: readonly string[]
  /** Whether a proxy is known to stand before Signet. */
  readonly hasProxy: boolean
}

/**
 * Whether Signet knows who is calling, from a request that lied about it. Limits on guessing go by this address.
 */
export function judgeClientAddress({ forged, recorded, own, trustProxy, hasProxy }: SeenAddress): Finding {
  const seen = canonicalAddress(recorded) ?? recorded
  const here = canonicalAddress(own) ?? own
  if (seen === forged) {
    if (isWithin(own, trustProxy))
      return skipped(
        'client-address',
        `This machine (${own}) is one of SIGNET_TRUST_PROXY, so that what it claims is believed: look from another one.`,
      )
    return bad(
      'client-address',
      'Signet believed a forged X-Forwarded-For: limits on guessing passwords can be walked around, and events name the wrong address.',
      'Let the proxy replace X-Forwarded-For, or add to it ($proxy_add_x_forwarded_for), and name in SIGNET_TRUST_PROXY no more than it.',
    )
  }
  if (trustProxy.length === 0 && (hasProxy || seen !== here))
    return warning(
      'client-address',
      `Signet takes ${seen} for the caller, and this machine is ${here}: behind a proxy limits count everybody as one.`,
      `Where ${seen} is a proxy, set SIGNET_TRUST_PROXY=${seen}, and let it send X-Forwarded-For. Where it is this network's own ` +
        'address in the world, all is well.',
    )
  if (trustProxy.length > 0 && isWithin(seen, trustProxy) && !isWithin(own, trustProxy))
    return warning(
      'client-address',
      `Signet takes ${seen}, a proxy, for the caller: limits count everybody as one.`,
      'Have the proxy send X-Forwarded-For and end it with the IP address of its own client. A port may follow the address; a name or ' +
        '`unknown` cannot be read.',
    )
  return good('client-address', `A forged X-Forwarded-For was not believed; Signet saw ${seen}.`)
}
