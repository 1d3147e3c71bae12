import { isLoopbackHost } from '../../platform/network-address.ts'
import type { ClientMetadata } from './client.ts'

/** The metadata that decides which subjects a client sees. */
export type SubjectMetadata = Pick<ClientMetadata, 'subject_type' | 'sector_identifier_uri' | 'redirect_uris'>

/**
 * The sector of a pairwise client (OpenID Connect Core §8.1): the host of `sector_identifier_uri` or, without one, the only host of its redirect URIs. A host
 * has no port (RFC 3986 §3.2.2).
 *
 * @returns undefined if there is none. Then the client cannot be pairwise: `completeMetadata` refuses it. Redirect URIs on loopback or with a private-use
 *   scheme name no sector, because their hosts belong to nobody: all apps that use them would see the same subjects.
 */
export function sectorOf({ sector_identifier_uri: uri, redirect_uris: uris }: SubjectMetadata): string | undefined {
  if (uri !== undefined) return new URL(uri).hostname
  const hosts = new Set(uris.map(sectorHost))
  const [host] = hosts
  return hosts.size === 1 ? host : undefined
}

function sectorHost(uri: string): string | undefined {
  const { protocol, hostname } = new URL(uri)
  return protocol === 'https:' && !isLoopbackHost(hostname) ? hostname : undefined
}

/** Whether a change of the metadata changes the subject of every person at this client. */
export function changesSubjects(before: SubjectMetadata, after: SubjectMetadata): boolean {
  return keyOf(before) !== keyOf(after)
}

function keyOf(metadata: SubjectMetadata): string | undefined {
  return metadata.subject_type === 'pairwise' ? sectorOf(metadata) : undefined
}
