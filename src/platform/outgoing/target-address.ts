import { networkInterfaces } from 'node:os'
import type { Settings } from '../config/settings.ts'
import { isLoopback, parseAddress } from '../network-address.ts'
import { OutgoingRequestFailed } from '../outgoing-request.ts'
import { createAllowedTargets } from './allowed-targets.ts'
import { createResolveHost, literalAddress, type ResolveHost } from './resolve-host.ts'

/**
 * Checks what can be said before the host is looked up.
 *
 * @throws OutgoingRequestFailed
 */
export function parseTargetUrl(text: string, issuer: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:') throw new OutgoingRequestFailed('it is not an https URL')
  if (url.username !== '' || url.password !== '') throw new OutgoingRequestFailed('it contains a user or a password')
  if (url.hostname.includes('%')) throw new OutgoingRequestFailed('its host is not valid')
  // A name with a dot at its end is the same name (RFC 1034 §3.1).
  if (url.host.replace(/\.(?=:|$)/, '') === new URL(issuer).host)
    throw new OutgoingRequestFailed('it names this server itself')
  return url
}

/**
 * @param given.resolve for tests
 * @returns looks up the addresses of the host of a URL, and leaves out those that a connection must not go to. It throws OutgoingRequestFailed if none is left
 */
export function createTargetAddresses(
  settings: Pick<Settings, 'port' | 'allowPrivateNetworks'>,
  given: { readonly resolve?: ResolveHost } = {},
): (url: URL) => Promise<string[]> {
  const allowed = createAllowedTargets(settings.allowPrivateNetworks)
  const resolve = given.resolve ?? createResolveHost(allowed.isNamed)
  return async (url) => {
    const literal = literalAddress(url.hostname)
    const found =
      literal === undefined
        ? await resolve(url.hostname).catch((cause: unknown) => {
            throw new OutgoingRequestFailed(`its host was not found (${codeOf(cause)})`, { cause })
          })
        : [literal]
    const faults = found.map((address) => faultOfServer(settings, url, address) ?? allowed.faultOf(url, address))
    const usable = found.filter((_address, index) => faults[index] === undefined)
    if (usable.length === 0)
      throw new OutgoingRequestFailed(
        `it is not allowed: ${faults[0] ?? 'its host has no address'} (SIGNET_ALLOW_PRIVATE_NETWORKS)`,
      )
    return usable
  }
}

/** A request of this server to itself could come from an address that it trusts. Behind a proxy, only the name shows it. */
function faultOfServer({ port }: Pick<Settings, 'port'>, url: URL, text: string): string | undefined {
  const address = parseAddress(text) ?? text
  if (Number(url.port || 443) !== port) return undefined
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const isOwn = isLoopback(address) || address === '0.0.0.0' || own.some((one) => parseAddress(one.address) === address)
  return isOwn || address === '::' ? 'this server listens there' : undefined
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'no reason given'
}
