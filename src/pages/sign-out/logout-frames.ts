import { findAcceptedClient } from '../../operations/resolve-client.ts'
import { withParameters } from '../../platform/http/uri-query.ts'
import { looksLikeDocumentUrl } from '../../records/clients/document-url.ts'
import type { FrontChannelClient } from '../../records/sessions/session-clients-store.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { sessionIdFor } from '../../tokens/authentication.ts'

/** The pages of applications that the page after a sign-out loads (OpenID Connect Front-Channel Logout §3). */
export interface LogoutFrames {
  readonly sources: readonly string[]
  /** Where they are, each once, as sources of a Content-Security-Policy. */
  readonly origins: readonly string[]
}

/** Characters of all origins together. Proxies such as nginx accept response headers of 4 or 8 KB. */
const maxOriginsLength = 2500

/** The frames for the clients of a session, with `iss` and `sid` (§2: either both are added or none). */
export async function logoutFrames(
  signet: Pick<Signet, 'database' | 'settings' | 'secrets'>,
  session: Pick<Session, 'id' | 'sidVersion'>,
  clients: readonly FrontChannelClient[],
): Promise<LogoutFrames> {
  const { settings, secrets } = signet
  const sources: string[] = []
  const origins = new Set<string>()
  let length = 0
  for (const { client_id, frontchannel_logout_uri: uri } of clients) {
    const origin = frameOrigin(uri)
    // A frame of our own origin could leave its sandbox.
    if (origin === undefined || origin === settings.issuer) continue
    // The operator may have taken its host from SIGNET_CLIENT_ID_METADATA_HOSTS since the sign-in.
    if (looksLikeDocumentUrl(client_id) && !(await findAcceptedClient(signet, client_id))) continue
    const added = origins.has(origin) ? 0 : origin.length + 1
    // Others may be shorter.
    if (length + added > maxOriginsLength) continue
    length += added
    origins.add(origin)
    const sid = await sessionIdFor(secrets, session, client_id)
    sources.push(
      withParameters(uri, [
        ['iss', settings.issuer],
        ['sid', sid],
      ]),
    )
  }
  return { sources, origins: [...origins] }
}

/**
 * The origin of a frame, if it can be a source in a Content-Security-Policy and means nothing else there. URL parsers accept `;`, `,` and `*` in a host. Those would begin another
 * directive or another policy, or allow other hosts (CSP Level 3 §2.3.1). An address in brackets is no host there.
 */
export function frameOrigin(uri: string): string | undefined {
  // Without two slashes, it would be a path of ours when the page is read (WHATWG URL §4.4, special relative state).
  if (!URL.canParse(uri) || !/^https?:\/\/[^/]/.test(uri)) return undefined
  // Not a `blob:` URL either, whose origin is that of the page that made it.
  const { origin } = new URL(uri)
  return /^https?:\/\/[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?::\d{1,5})?$/.test(origin) ? origin : undefined
}
