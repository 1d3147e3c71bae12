import { createLocalJWKSet, errors, type JWK, type JWTVerifyGetKey } from 'jose'
import { VerificationError } from '#verify'
import { changedMeaning, isMediaType } from '#verify/signed-jwt'
import type { JsonObject } from '#verify/strict-json'
import { quoted } from '#verify/verification-error'

/*
 * What client assertions and request objects have in common: a client signs both, usually with the same key. Their types and claims keep one from being taken for
 * the other (RFC 8725 §2.8, §3.11).
 */

/**
 * Checks what jose does not: it ignores a `b64` that `crit` does not list, and it can check `typ` against one type only.
 *
 * @param types that `typ` may name. It may also be absent
 */
export function faultInHeader(header: JsonObject, types: readonly string[]): string | undefined {
  const refused = changedMeaning.find((parameter) => Object.hasOwn(header, parameter))
  if (refused !== undefined) return `its header has ${refused}`
  const { typ } = header
  if (typ === undefined || types.some((type) => isMediaType(typ, type))) return undefined
  return `its type (typ) is ${quoted(typ)}, not ${types.join(' or ')}`
}

/** The public keys of a client, as a JWK Set. */
export interface PublicKeys {
  readonly keys: readonly JWK[]
}

/**
 * Verifies a signature with the keys of a client. If it does not hold, the client may have replaced its key under the same name, or under none: a set with one key needs no `kid`
 * (OpenID Connect Core §10.1). So it is tried again if there are newer keys (§10.1.1).
 *
 * @param find returns the keys; if some were tried, newer ones, or the same object if there are none
 * @param verify with a function that finds the key for a JWS
 */
export async function verifyWithKeysOf<T>(
  find: (tried?: PublicKeys) => Promise<PublicKeys>,
  verify: (keyFor: JWTVerifyGetKey) => Promise<T>,
): Promise<T> {
  const verifyWith = ({ keys }: PublicKeys) => verify(createLocalJWKSet({ keys: [...keys] }))
  const known = await find()
  try {
    return await verifyWith(known)
  } catch (error) {
    if (!isAboutKey(error)) throw error
    const newer = await find(known)
    if (newer === known) throw error
    return verifyWith(newer)
  }
}

function isAboutKey(error: unknown): boolean {
  return (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  )
}

/** What is wrong, for errors that a hostile JWT or key can cause. Our own faults are thrown again. */
export function faultOf(error: unknown): string {
  if (error instanceof errors.JOSEError || error instanceof VerificationError || error instanceof TypeError)
    return error.message
  throw error
}
