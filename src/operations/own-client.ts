import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { isLoopbackHost } from '../platform/network-address.ts'
import { digest, equalInConstantTime, randomText } from '../platform/secrets/digest.ts'
import { bearerChallenge } from '../protocol/bearer-challenge.ts'
import { matchingSecret } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { type Client, type ClientMetadata, usesSecret } from '../records/clients/client.ts'
import { refuseOtherSubjects } from '../records/clients/client-metadata.ts'
import {
  findRegistrationToken,
  insertRegistration,
  markPresentedAnew,
} from '../records/clients/client-registrations-store.ts'
import { findClient, lockClient } from '../records/clients/clients-store.ts'
import { invalid, type MetadataInput } from '../records/clients/metadata-members.ts'
import { findUsableToken, useToken } from '../records/clients/registration-tokens-store.ts'
import { completeOwnMetadata, presentationOf } from '../records/clients/self-registration.ts'
import type { Caller } from '../records/events/events-store.ts'
import type { ClientId } from '../records/ids.ts'
import { findOpenResources, lockResources } from '../records/resources/resources-store.ts'
import type { Signet } from '../signet.ts'
import { deleteClient, insertNewClient, type RegisteredClient, replaceMetadata } from './client-registration.ts'
import { checkSectorIdentifier } from './sector-identifier.ts'
import { withinLimit } from './within-limit.ts'

type Context = Pick<
  Signet,
  'database' | 'endings' | 'keyRing' | 'limits' | 'metrics' | 'outgoing' | 'secrets' | 'settings'
>

/** What a client learns about its registration (RFC 7591 §3.2.1, RFC 7592 §3). */
export interface OwnRegistration {
  readonly client: RegisteredClient
  readonly registeredAt: Date
  /** Undefined if the client has none, or if only its digest is known. */
  readonly secret: string | undefined
  /** The registration access token. */
  readonly token: string
}

/**
 * Registers a client that asks for it itself (RFC 7591 §3). Whether it may, and the limits, are checked before anything is fetched or stored.
 *
 * @param token the initial access token, if one was sent
 * @param input the metadata, unchecked
 * @throws OAuthError if it must not register, or not now; InvalidClientMetadata
 */
export async function registerOwnClient(
  signet: Context,
  caller: Caller,
  token: string | undefined,
  input: MetadataInput,
): Promise<OwnRegistration> {
  const { database, settings } = signet
  const initialToken = await initialTokenOf(signet, token)
  const asked = await ownMetadata(database, settings, input)
  refuseInactive(signet.keyRing, asked)
  await withinLimit(signet, 'too_many_registrations', () =>
    signet.limits.beforeRegistration(caller.network, initialToken),
  )
  await checkSectorIdentifier(signet, asked)

  const registrationToken = randomText(32)
  return inTransaction(database, async (tx) => {
    await lockResources(tx, 'reading')
    const metadata = await ownMetadata(tx, settings, input)
    // Now for good: others may have used it up in the meantime.
    if (initialToken !== undefined && !(await useToken(tx, initialToken))) throw initialTokenRefused()
    const detail = { self_registered: true, ...(initialToken !== undefined && { initial_token: initialToken }) }
    const { client, secret } = await insertNewClient(tx, signet.secrets, { caller }, metadata, {
      registered: 'by itself',
      detail,
    })
    const registeredAt = await insertRegistration(tx, client.client_id, digest(registrationToken), initialToken)
    return { client, registeredAt, secret, token: registrationToken }
  })
}

/**
 * What a client has registered (RFC 7592 §2.1).
 *
 * @param token its registration access token
 * @throws OAuthError if the token is not the one of this client
 */
export async function readOwnClient(
  { database }: Pick<Context, 'database'>,
  clientId: string,
  token: string,
): Promise<OwnRegistration> {
  const registeredAt = await checkRegistrationToken(database, clientId, token)
  const client = await findClient(database, clientId)
  if (!client) throw registrationTokenRefused()
  return { client, registeredAt, secret: undefined, token }
}

/**
 * Replaces everything that a client has registered (RFC 7592 §2.2). What the request leaves out gets its default again.
 *
 * @param token its registration access token
 * @param input the metadata, unchecked
 * @throws OAuthError if the token is not the one of this client; InvalidClientMetadata
 */
export async function replaceOwnClient(
  signet: Context,
  caller: Caller,
  clientId: string,
  token: string,
  input: MetadataInput,
): Promise<OwnRegistration> {
  const { database, settings } = signet
  await checkRegistrationToken(database, clientId, token)
  refuseIssued(input, clientId)
  const asked = await ownMetadata(database, settings, input)
  refuseInactive(signet.keyRing, asked)
  await withinLimit(signet, 'too_many_registrations', () => signet.limits.beforeOwnChange(caller.network, clientId))
  await checkSectorIdentifier(signet, asked)

  return inTransaction(database, async (tx) => {
    await lockResources(tx, 'reading')
    const existing = (await lockClient(tx, clientId as ClientId)) && (await findClient(tx, clientId))
    if (!existing) throw registrationTokenRefused()
    // Under the lock: an operator may have adopted the client in the meantime.
    const registeredAt = await checkRegistrationToken(tx, clientId, token)
    const given = checkGivenSecret(existing, input)
    const metadata = await ownMetadata(tx, settings, input)
    refuseOtherSubjects(existing, metadata)
    const actor = { kind: 'client', clientId: existing.client_id, caller } as const
    const { client, secret } = await replaceMetadata(tx, signet.secrets, actor, existing, metadata)
    if (presentationOf(existing) !== presentationOf(client)) await markPresentedAnew(tx, client.client_id)
    return { client, registeredAt, secret: secret ?? (usesSecret(client) ? given : undefined), token }
  })
}

/**
 * Deletes a client that asks for it itself, with its grants (RFC 7592 §2.3).
 *
 * @param token its registration access token
 * @throws OAuthError if the token is not the one of this client
 */
export async function deleteOwnClient(signet: Context, caller: Caller, clientId: string, token: string): Promise<void> {
  await checkRegistrationToken(signet.database, clientId, token)
  const actor = { kind: 'client', clientId: clientId as ClientId, caller } as const
  // Again under the lock: an operator may have adopted the client in the meantime.
  const deleted = await deleteClient(signet, actor, actor.clientId, (tx) => checkRegistrationToken(tx, clientId, token))
  if (deleted === 'no_such_client') throw registrationTokenRefused()
}

/**
 * Decides whether anybody may register now. A token that was sent has to be good even where none is needed: whoever sends one expects its limits.
 *
 * @returns the ID of the initial access token; undefined if none was sent
 */
async function initialTokenOf(
  { database, settings }: Pick<Context, 'database' | 'settings'>,
  token: string | undefined,
): Promise<number | undefined> {
  if (settings.registration === 'closed') throw new OAuthError('registration_closed')
  if (token === undefined) {
    if (settings.registration === 'open') return undefined
    throw new OAuthError('initial_access_token_missing', { headers: bearerChallenge() })
  }
  const id = await findUsableToken(database, digest(token))
  if (id === undefined) throw initialTokenRefused()
  return id
}

/** An unknown client and a wrong token take the same steps, and get the same response. */
async function checkRegistrationToken(db: Queryable, clientId: string, token: string): Promise<Date> {
  // Anything can be in the URL, also what PostgreSQL cannot compare.
  const found = await findRegistrationToken(db, /^[\w-]{1,255}$/.test(clientId) ? clientId : '')
  const isRight = equalInConstantTime(found?.digest ?? digest(''), digest(token))
  if (!found || !isRight) throw registrationTokenRefused()
  return found.registeredAt
}

/**
 * Refuses an algorithm that the metadata does not list: after an upgrade, the first key of a new one waits for a day, and its clients get no ID token until then.
 */
function refuseInactive(
  keyRing: Context['keyRing'],
  { id_token_signed_response_alg, userinfo_signed_response_alg }: ClientMetadata,
): void {
  const active: readonly string[] = [...keyRing.activeAlgorithms(), 'HS256']
  const given = { id_token_signed_response_alg, userinfo_signed_response_alg }
  for (const [name, alg] of Object.entries(given))
    if (alg !== undefined && !active.includes(alg))
      throw invalid(
        `${name} ${alg} is not supported yet: its first key does not sign yet. The metadata of this server lists what is.`,
      )
}

async function ownMetadata(
  db: Queryable,
  { name, issuer, legacyResponseTypes, allowPrivateNetworks }: Context['settings'],
  input: MetadataInput,
) {
  const context = { openResources: await findOpenResources(db), providerName: name, issuer, legacyResponseTypes }
  const opened = allowPrivateNetworks.map((entry) => entry.replace(/:\d+$/, ''))
  const allowsLoopback = [new URL(issuer).hostname, ...opened].some((host) => isLoopbackHost(host))
  return completeOwnMetadata(input, { ...context, allowsLoopback })
}

/** RFC 7592 §2.2: what must be in an update request, and what must not. */
function refuseIssued(input: MetadataInput, clientId: string): void {
  if (!Object.hasOwn(input, 'client_id') || input['client_id'] !== clientId)
    throw invalid('client_id is missing, or is not the one in the URL (RFC 7592 section 2.2).')
  const issued = [
    'registration_access_token',
    'registration_client_uri',
    'client_secret_expires_at',
    'client_id_issued_at',
  ].find((name) => Object.hasOwn(input, name))
  if (issued !== undefined) throw invalid(`${issued} must not be sent in an update (RFC 7592 section 2.2).`)
}

/** RFC 7592 §2.2: a client must not choose its secret. */
function checkGivenSecret(existing: Client, input: MetadataInput): string | undefined {
  const given = Object.hasOwn(input, 'client_secret') ? input['client_secret'] : undefined
  if (given === undefined || given === null) return undefined
  const secrets = usesSecret(existing) ? existing.secrets : undefined
  if (typeof given !== 'string' || given.length > 255 || !matchingSecret(secrets, given))
    throw invalid('client_secret is not the secret of this client. Only the server chooses secrets.')
  return given
}

const initialTokenRefused = () =>
  new OAuthError('initial_access_token_refused', { headers: bearerChallenge('invalid_token') })

const registrationTokenRefused = () =>
  new OAuthError('registration_access_token_refused', { headers: bearerChallenge('invalid_token') })
