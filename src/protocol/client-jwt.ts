import { errors } from 'jose'
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

/** What is wrong, for errors that a hostile JWT or key can cause. Our own faults are thrown again. */
export function faultOf(error: unknown): string {
  if (error instanceof errors.JOSEError || error instanceof VerificationError || error instanceof TypeError)
    return error.message
  throw error
}
