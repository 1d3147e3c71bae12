import type { Settings } from '../../platform/config/settings.ts'
import type { Client } from '../../records/clients/client.ts'

/** The longest, in seconds, that any token lives which this client can get. */
export function longestLifetime(
  client: Pick<Client, 'allowed'>,
  settings: Pick<Settings, 'accessTokenTtl' | 'idTokenTtl'>,
): number {
  const ofResources = client.allowed.map(({ accessTokenTtl }) => accessTokenTtl ?? 0)
  return Math.max(settings.accessTokenTtl, settings.idTokenTtl, ...ofResources)
}
