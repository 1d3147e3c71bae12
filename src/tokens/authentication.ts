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

/**
 * The Authentication Context Classes, the weakest first. Each includes all that the ones before it require.
 *
 * - `aal1`: one factor, as at AAL1 of NIST SP 800-63B-4.
 * - `aal2`: two factors, as at AAL2 of NIST SP 800-63B-4.
 * - `phr`: phishing-resistant, and two factors: a passkey that verified the person (OpenID Connect EAP ACR Values 1.0 §2).
 *
 * `phrh` is not among them: whether hardware protects a passkey is known only from an attestation, which is not asked for.
 */
export const contextClasses = ['aal1', 'aal2', 'phr'] as const
export type ContextClass = (typeof contextClasses)[number]

/** The strongest class that a sign-in satisfies. */
export function contextClassOf(amr: readonly string[]): ContextClass {
  // `pop` is only in the `amr` of a passkey (records/accounts/factors.ts).
  if (amr.includes('pop')) return 'phr'
  return amr.includes('mfa') ? 'aal2' : 'aal1'
}

/** Whether a sign-in of one class satisfies another. */
export function satisfies(reached: ContextClass, wanted: ContextClass): boolean {
  return contextClasses.indexOf(reached) >= contextClasses.indexOf(wanted)
}

/** The weakest class. */
export const singleFactor = contextClasses[0]

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
