import type { Settings } from '../platform/config/settings.ts'
import { type LiveSecrets, mac, type PurposeSecret } from '../platform/secrets/purpose-secrets.ts'
import { type ContextClass, contextClasses } from '../protocol/oidc-values.ts'
import { offersPasskeys } from '../records/accounts/factors.ts'
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

/** The classes that a sign-in at this issuer can reach: without a host name there are no passkeys. */
export function reachableClasses(settings: Pick<Settings, 'issuer'>): readonly ContextClass[] {
  return offersPasskeys(settings) ? contextClasses : withoutPasskeys
}

const withoutPasskeys = contextClasses.filter((value) => value !== 'phr')

/**
 * The claim `acr` of a sign-in: the first class that the client wanted and the sign-in satisfies. Clients and APIs compare the value with the one that they
 * asked for (RFC 9470 §5), so a passkey answers a request for `aal2` with `aal2`. If nothing was wanted, or nothing that it satisfies, it is the strongest.
 *
 * @param wanted in order of preference
 */
export function acrOf(amr: readonly string[], wanted: readonly ContextClass[]): ContextClass {
  const reached = contextClassOf(amr)
  return wanted.find((value) => satisfies(reached, value)) ?? reached
}

/**
 * What a sign-in lacks: the weakest class that would be enough, for what a client wants of it and for what the operator demands of everybody.
 *
 * @param wanted any of these is enough; empty: any sign-in is
 * @param needsTwoFactors whether nobody may do anything with a single factor (SIGNET_SECOND_FACTOR)
 * @returns undefined if the sign-in is strong enough
 */
export function missingClass(
  amr: readonly string[],
  wanted: readonly ContextClass[],
  needsTwoFactors: boolean,
): ContextClass | undefined {
  const weakest = contextClasses.find((value) => wanted.includes(value)) ?? 'aal1'
  const needed = needsTwoFactors && weakest === 'aal1' ? 'aal2' : weakest
  return satisfies(contextClassOf(amr), needed) ? undefined : needed
}

/**
 * Computes `sid`: the ID of the session for one client (OpenID Connect Front-Channel Logout §3). It is not the cookie, and differs per client,
 * so two clients that compare their values cannot tell that they serve the same person. Each session keeps the version of the secret that it
 * started with, so the ID stays the same while the session lasts. It changes only if that version was revoked: then the next version is used.
 *
 * @throws whatever reading the secrets throws
 */
export async function sessionIdFor(
  secrets: LiveSecrets,
  session: Pick<Session, 'id' | 'sidVersion'>,
  clientId: ClientId,
): Promise<Sid> {
  const value = await sessionMac(secrets, session, `${session.id}:${clientId}`)
  return value.subarray(0, 16).toString('base64url') as Sid
}

/**
 * Computes the value of the state cookie of a browser with this session (OpenID Connect Session Management §3.2). Scripts can read the cookie, so the value says nothing
 * about the session and leads to nothing. It is like `sid`, but cannot be the `sid` of a client: the text begins with no number.
 *
 * @throws whatever reading the secrets throws
 */
export async function browserStateFor(
  secrets: LiveSecrets,
  session: Pick<Session, 'id' | 'sidVersion'>,
): Promise<string> {
  return (await sessionMac(secrets, session, `browser state:${session.id}`)).toString('base64url')
}

async function sessionMac(
  secrets: LiveSecrets,
  { sidVersion }: Pick<Session, 'sidVersion'>,
  text: string,
): Promise<Buffer> {
  let secret = secrets['session-id']
  // Another node may have started this session with a version that this node has not read yet.
  if (firstVersionFrom(secret, sidVersion) === Number.POSITIVE_INFINITY) {
    await secrets.reload()
    secret = secrets['session-id']
  }
  const value = mac(secret, firstVersionFrom(secret, sidVersion), text)
  if (!value) throw new Error(`The secret session-id has no version ${sidVersion}, and none after it.`)
  return value
}

/** The version of a session, or if it was revoked, the next one. Infinity if there is neither. */
function firstVersionFrom({ versions }: PurposeSecret, sidVersion: number): number {
  if (versions.has(sidVersion)) return sidVersion
  return Math.min(...[...versions.keys()].filter((version) => version > sidVersion))
}
