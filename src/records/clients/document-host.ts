import type { Client } from './client.ts'

/**
 * The host that serves the client ID metadata document of a client: all that has been verified about it. Undefined for other clients.
 *
 * Nobody chooses an id at registration, so among the clients that no operator has vouched for, only one with a document has a URL as its id. A registered client whose id
 * happens to be a URL is no such client: its operator knows it.
 */
export function documentHost({
  client_id: id,
  isSelfRegistered,
}: Pick<Client, 'client_id' | 'isSelfRegistered'>): string | undefined {
  // URL writes a host in ASCII, so `сlaude.ai` with a Cyrillic letter is shown as `xn--laude-0ye.ai`.
  return isSelfRegistered && id.startsWith('https://') ? new URL(id).host : undefined
}
