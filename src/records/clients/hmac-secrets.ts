import { createSecretKey, type KeyObject } from 'node:crypto'
import { digest, equalInConstantTime } from '../../platform/secrets/digest.ts'
import {
  type LiveSecrets,
  type PurposeSecret,
  type PurposeSecrets,
  sealText,
  secretFor,
  unsealText,
} from '../../platform/secrets/purpose-secrets.ts'
import type { ClientId } from '../ids.ts'
import type { ClientMetadata, ClientSecret, SealedSecret, SecretClient, StoredSecret } from './client.ts'

/*
 * A client's secret can be the key of an HMAC: of the client's assertions (client_secret_jwt), and of its ID tokens (HS256). A digest is not enough to
 * compute that, so the secrets of such a client are also stored sealed. Those of all other clients are not.
 */

/** What seals the secrets of clients. A command that registers no client of this kind does without, and needs no master key. */
export type SecretSealing = Pick<PurposeSecrets, 'client-secrets'>

/** RFC 7518 §3.2: a key for HS256 has at least 256 bits. The secrets that Signet makes contain as many, in 43 characters. */
export const minHmacSecret = 32

/** The key of an HMAC; undefined if the secret is too short, as one that was imported may be. */
export function hmacKeyOf(secret: string): KeyObject | undefined {
  // OpenID Connect Core §10.1: the key is the octets of the client_secret.
  const octets = Buffer.from(secret, 'utf8')
  return octets.length < minHmacSecret ? undefined : createSecretKey(octets)
}

type Signatures = Pick<ClientMetadata, 'token_endpoint_auth_method' | 'id_token_signed_response_alg'>

/** Whether the secrets of a client with this metadata are keys. */
export function usesSecretAsKey(client: Signatures): boolean {
  return client.token_endpoint_auth_method === 'client_secret_jwt' || client.id_token_signed_response_alg === 'HS256'
}

/** The same of metadata that has not been checked. Where it names none of these, they stay as they are, or get their defaults, which are others. */
export function mayUseSecretAsKey(unchecked: Readonly<Record<string, unknown>>): boolean {
  return (
    unchecked['token_endpoint_auth_method'] === 'client_secret_jwt' ||
    unchecked['id_token_signed_response_alg'] === 'HS256'
  )
}

const associated = (clientId: ClientId) => `client-secret:${clientId}`

/** What is stored of a secret. It is sealed only if the client uses it as a key. */
export function storedSecret(
  sealing: SecretSealing | undefined,
  clientId: ClientId,
  client: Signatures,
  secret: string,
): StoredSecret {
  if (!usesSecretAsKey(client) || !hmacKeyOf(secret)) return { digest: digest(secret), sealed: undefined }
  if (!sealing) throw new Error(`The secret of ${clientId} must be sealed, but this caller has not opened the secrets.`)
  return { digest: digest(secret), sealed: seal(sealing['client-secrets'], clientId, secret) }
}

function seal(sealing: PurposeSecret, clientId: ClientId, secret: string): SealedSecret {
  return { text: sealText(sealing, secret, associated(clientId)), version: sealing.current }
}

/** A secret with its value as the key of an HMAC. */
export interface HmacSecret {
  readonly secret: ClientSecret
  readonly key: KeyObject
}

/**
 * The secrets of a client that can be keys, opened. One that cannot be opened is left out: the purpose secret was replaced because it had leaked.
 *
 * @throws what reloading the purpose secrets throws
 */
export async function openHmacSecrets(
  secrets: LiveSecrets,
  client: Pick<SecretClient, 'client_id' | 'secrets'>,
): Promise<HmacSecret[]> {
  const opened: HmacSecret[] = []
  for (const secret of client.secrets) {
    const value = await openSealed(secrets, client.client_id, secret)
    const key = value === undefined ? undefined : hmacKeyOf(value)
    if (key) opened.push({ secret, key })
  }
  return opened
}

async function openSealed(
  secrets: LiveSecrets,
  clientId: ClientId,
  { sealed, digest: known }: ClientSecret,
): Promise<string | undefined> {
  if (!sealed) return undefined
  const value = unsealText(await secretFor(secrets, 'client-secrets', sealed.text), sealed.text, associated(clientId))
  // The digest decides which secrets are valid. A copy of a revoked one must not become valid again because somebody moved it to another row.
  return value !== undefined && equalInConstantTime(digest(value), known) ? value : undefined
}

/** The secret under the current version of the purpose secret, if it is sealed under another one; undefined otherwise. */
export function resealed(
  sealing: PurposeSecret,
  clientId: ClientId,
  { sealed }: ClientSecret,
  value: string,
): SealedSecret | undefined {
  return !sealed || sealed.version === sealing.current ? undefined : seal(sealing, clientId, value)
}
