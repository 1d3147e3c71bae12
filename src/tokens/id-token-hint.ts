import { VerificationError } from '#verify'
import { parseCompactJws, parsePart } from '#verify/compact-jws'
import { verifySignedJwt } from '#verify/signed-jwt'
import type { JsonObject } from '#verify/strict-json'
import { signingAlgorithms } from '../platform/jwt/algorithms.ts'
import { macHolds, signatureHolds } from '../platform/jwt/verify.ts'
import { usesSecret } from '../records/clients/client.ts'
import { cachedOrRead } from '../records/clients/client-cache.ts'
import { openHmacSecrets } from '../records/clients/hmac-secrets.ts'
import type { ClientId, Sid, Subject } from '../records/ids.ts'
import type { Signet } from '../signet.ts'

export interface IdTokenHint {
  /** The person as the client knows them, to be compared with `subjectFor`. */
  readonly sub: Subject
  readonly clientId: ClientId
  readonly sid: Sid | undefined
  /**
   * Whether its client could have made it up, because the signature is an HMAC with the client's secret. Then only its `sid` proves something: no client
   * can compute that of a session that it has no ID token of.
   */
  readonly isForgeable: boolean
}

/** In characters. */
const maxLength = 4096

/**
 * Reads an `id_token_hint`: an ID token that Signet issued (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §4). The token may have expired,
 * and its key may have retired. Returns undefined for anything else, including access tokens and signed userinfo responses.
 */
export async function readIdTokenHint(signet: Signet, text: string): Promise<IdTokenHint | undefined> {
  try {
    const ofClient = await verifiedByClientSecret(signet, text)
    const isForgeable = ofClient !== undefined
    const { iss, sub, aud, sid, exp, iat } = ofClient ?? (await verified(signet, text))
    // A signed userinfo response has the type, the audience and the keys of an ID token, but no times (RFC 8725 §3.12).
    if (typeof exp !== 'number' || typeof iat !== 'number') return undefined
    if (iss !== signet.settings.issuer || typeof sub !== 'string' || typeof aud !== 'string') return undefined
    // An ID token with our signature contains the IDs that we put into it.
    const ids = {
      sub: sub as Subject,
      clientId: aud as ClientId,
      sid: typeof sid === 'string' ? (sid as Sid) : undefined,
    }
    return { ...ids, isForgeable }
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}

/**
 * The claims of an ID token with HS256 (OpenID Connect Core §10.1). It is verified only with the secrets of the client that it is for, and only if that
 * client uses HS256; never with a key of Signet.
 *
 * @returns undefined if its algorithm is another one
 * @throws VerificationError
 */
async function verifiedByClientSecret({ clients, secrets }: Signet, text: string): Promise<JsonObject | undefined> {
  const { header, payload, signingInput, signature } = parseCompactJws(text, maxLength)
  if (header['alg'] !== 'HS256') return undefined
  // Signet sets exactly these (signWithSecret).
  if (Object.keys(header).length !== 2 || header['typ'] !== 'JWT') return {}
  const claims = parsePart('payload', payload)
  const { aud } = claims
  if (typeof aud !== 'string' || aud.length > 255) return {}
  const client = await cachedOrRead(clients, aud)
  if (!client || !usesSecret(client) || client.id_token_signed_response_alg !== 'HS256') return {}
  const opened = await openHmacSecrets(secrets, client)
  return opened.some(({ key }) => macHolds(key, signingInput, signature)) ? claims : {}
}

/** @throws VerificationError */
function verified({ keyRing }: Signet, text: string): Promise<JsonObject> {
  return verifySignedJwt(text, {
    ...{ typ: 'JWT', algorithms: signingAlgorithms, maxTokenLength: maxLength, signatureHolds },
    keys: ({ kid }) => keyRing.verificationKey(kid, 'ever'),
  })
}
