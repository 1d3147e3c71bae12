import { type LiveSecrets, mac } from '../platform/secrets/purpose-secrets.ts'
import type { ClientId, Sid } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'

/** How and when a person signed in, for the claims of tokens. */
export interface Authentication {
  /** Milliseconds since 1970. */
  readonly authTime: number
  readonly acr: string
  readonly amr: readonly string[]
  readonly sid: Sid
}

/** The claim `auth_time`: seconds since 1970, as in all JWTs (OpenID Connect Core §2, RFC 7519 §2). */
export function authTimeClaim({ authTime }: Pick<Authentication, 'authTime'>): number {
  return Math.floor(authTime / 1000)
}

/** The only Authentication Context Class: a single factor, like AAL1 of NIST SP 800-63B. */
export const singleFactor = 'aal1'

/**
 * Computes `sid`: the ID of the session for one client (OpenID Connect Front-Channel Logout §3). It is not the cookie, and differs per client,
 * so two clients that compare their values cannot tell that they serve the same person. Each session keeps the version of the secret that it
 * started with, so the ID stays the same while the session lasts. It changes only if that version was revoked: then the next version is used.
 *
 * @throws whatever reading the secrets throws
 */
export async function sessionIdFor(
  secrets: LiveSecrets,
  { id, sidVersion }: Pick<Session, 'id' | 'sidVersion'>,
  clientId: ClientId,
): Promise<Sid> {
  const usable = () => [...secrets['session-id'].versions.keys()].filter((version) => version >= sidVersion)
  // Another node has started this session with a version that this node has not read yet.
  if (usable().length === 0) await secrets.reload()
  const version = Math.min(...usable())
  const value = mac(secrets['session-id'], version, `${id}:${clientId}`)
  if (!value) throw new Error(`The secret session-id has no version ${sidVersion}, and none after it.`)
  return value.subarray(0, 16).toString('base64url') as Sid
}
