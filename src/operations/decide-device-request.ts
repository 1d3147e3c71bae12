import { randomText } from '../platform/secrets/digest.ts'
import type { ContextClass } from '../protocol/oidc-values.ts'
import { type Client, deviceCodeGrant, scopesOf } from '../records/clients/client.ts'
import { findClient } from '../records/clients/clients-store.ts'
import { addConsent } from '../records/consents/consents-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { GrantId, Sid } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { acrOf, missingClass, reachableClasses } from '../tokens/authentication.ts'
import type { UserCode } from '../tokens/device-request.ts'
import {
  allowDeviceRequest,
  denyDeviceRequest,
  findPendingRequest,
  type PendingDeviceRequest,
} from '../tokens/device-requests-store.ts'
import { originOf, type Person } from './actor.ts'
import { asSignedIn, signedOut } from './as-signed-in.ts'

/** What a person decides about: the request of a device, as it can be granted at this moment. */
export interface DeviceRequest extends Pick<PendingDeviceRequest, 'digest' | 'resources'> {
  readonly client: Client
  /** The requested scopes that the client is still registered for. */
  readonly scopes: readonly string[]
  /** Whether the person has to sign in first, because the client demands a more recent sign-in (`default_max_age`). */
  readonly needsSignIn: boolean
  /** What the session lacks of what the client demands (`default_acr_values`). */
  readonly missing: ContextClass | undefined
}

/**
 * Looks up a code that a person typed. Every code counts, so that nobody can guess the codes of other people's devices (RFC 8628 §5.1).
 *
 * @returns undefined for a code that is wrong, expired or used, without a difference
 * @throws LimitExceeded, TooManyWaiting
 */
export async function lookUpUserCode(
  signet: Pick<Signet, 'database' | 'limits' | 'settings'>,
  { caller }: Person,
  session: Session,
  code: UserCode,
): Promise<DeviceRequest | undefined> {
  await signet.limits.beforeUserCode(caller.network, session.account.sub)
  return findDeviceRequest(signet, session, code)
}

/**
 * The request of a code that the person has been shown a page about. It does not count, so the caller must have verified that page's proof
 * against the result.
 */
export async function findDeviceRequest(
  { database, settings }: Pick<Signet, 'database' | 'settings'>,
  session: Session,
  code: UserCode,
): Promise<DeviceRequest | undefined> {
  const request = await findPendingRequest(database, code)
  const client = request && (await findClient(database, request.clientId))
  if (!request || !client?.grant_types.includes(deviceCodeGrant)) return undefined
  const registered = scopesOf(client.scope)
  const reachable = reachableClasses(settings)
  const oldest = client.default_max_age === undefined ? undefined : request.createdAt - client.default_max_age * 1000
  return {
    client,
    digest: request.digest,
    scopes: request.scopes.filter((scope) => registered.includes(scope)),
    resources: request.resources,
    needsSignIn: oldest !== undefined && session.authTime < oldest,
    missing: missingClass(
      session.amr,
      client.default_acr_values.filter((value) => reachable.includes(value)),
      false,
    ),
  }
}

/**
 * Allows a device to act for the person, stores the consent and opens the grant, in one transaction (RFC 8628 §3.3). The grant is not bound to
 * the browser's session, and it has a `sid` of its own: signing out of this browser does not sign the device out.
 *
 * @returns false, and nothing is changed, if somebody has decided about the request, or it, the session or the client has ended
 * @throws TooManyWaiting
 */
export async function allowDevice(
  signet: Pick<Signet, 'database' | 'turns'>,
  actor: Person,
  session: Session,
  { digest, client, scopes, resources }: DeviceRequest,
): Promise<boolean> {
  const { sub } = session.account
  const clientId = client.client_id
  const grantId = randomText(16) as GrantId
  const { authTime, amr } = session
  const outcome = await asSignedIn(signet, session, async (tx) => {
    const isAllowed = await allowDeviceRequest(tx, {
      digest,
      grant: {
        id: grantId,
        clientId,
        sub,
        scopes,
        resources,
        authTime,
        acr: acrOf(amr, client.default_acr_values),
        amr,
      },
      sessionId: session.id,
      epoch: session.accountEpoch,
      sid: randomText(16) as Sid,
    })
    if (!isAllowed) return false
    await addConsent(tx, sub, client, { scopes, resources, claims: [] })
    const about = { ...originOf(actor), clientId, sub, grantId }
    await recordEvent(tx, { type: 'grant_opened', ...about, detail: { grant_type: deviceCodeGrant, scopes } })
    await recordEvent(tx, { type: 'device_authorized', ...about, detail: { scopes } })
    return true
  })
  return outcome === signedOut ? false : outcome
}

/**
 * Denies the request of a device.
 *
 * @returns false if somebody has decided about it, or it or the session has ended
 * @throws TooManyWaiting
 */
export async function denyDevice(
  signet: Pick<Signet, 'database' | 'turns'>,
  actor: Person,
  session: Session,
  { digest, client }: DeviceRequest,
): Promise<boolean> {
  const outcome = await asSignedIn(signet, session, async (tx) => {
    if (!(await denyDeviceRequest(tx, digest))) return false
    const about = { ...originOf(actor), clientId: client.client_id, sub: session.account.sub }
    await recordEvent(tx, { type: 'device_denied', ...about })
    return true
  })
  return outcome === signedOut ? false : outcome
}
