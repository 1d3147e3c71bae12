import { parseJson } from '#verify/strict-json'
import { OutgoingRequestFailed } from '../platform/outgoing-request.ts'
import type { ClientMetadata } from '../records/clients/client.ts'
import { invalid } from '../records/clients/metadata-members.ts'
import type { Signet } from '../signet.ts'

/** Bytes. The document lists the redirect URIs of all clients of a sector. */
const maxBytes = 64 * 1024

/**
 * Fetches the `sector_identifier_uri` of a client, which must list all of its redirect URIs (OpenID Connect Registration §5). Otherwise a client could put
 * itself into the sector of others, and recognise their users. Must not be called in a transaction.
 *
 * @throws InvalidClientMetadata
 */
export async function checkSectorIdentifier(
  { outgoing }: Pick<Signet, 'outgoing'>,
  { sector_identifier_uri: uri, redirect_uris: redirectUris }: ClientMetadata,
): Promise<void> {
  if (uri === undefined) return
  let listed: unknown
  try {
    // Its owner may have added or removed a redirect URI a moment ago. Registrations and their changes are limited before this (own-client.ts).
    const { body } = await outgoing.get(uri, { accept: 'application/json', maxBytes, isUncached: true })
    listed = parseJson(body, maxBytes)
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid('sector_identifier_uri: the document is not JSON.')
    // The reason stays here: it would tell anybody what this server can reach.
    if (error instanceof OutgoingRequestFailed)
      throw invalid('sector_identifier_uri: the document could not be fetched.')
    throw error
  }
  if (!Array.isArray(listed) || !listed.every((entry) => typeof entry === 'string'))
    throw invalid('sector_identifier_uri: the document must be a JSON array of redirect URIs.')
  if (!redirectUris.every((redirectUri) => listed.includes(redirectUri)))
    throw invalid('sector_identifier_uri: the document does not list all redirect_uris of the client.')
}
