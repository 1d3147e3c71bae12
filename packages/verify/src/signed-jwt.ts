import { KeyObject } from 'node:crypto'
import { parseCompactJws, parsePart } from './compact-jws.ts'
import type { JsonObject } from './strict-json.ts'
import { quoted, VerificationError } from './verification-error.ts'
import { type SignatureAlgorithm, signatureHolds, type VerificationKey } from './verification-key.ts'

/** What of the header a key source may go by. The signature has not been checked: it names a key and proves nothing. */
export type KeyReference = { readonly kid: string; readonly alg: SignatureAlgorithm }

/** Finds the key that a token names, or undefined where there is no such key. What it throws becomes `keys_unavailable`. */
export type KeySource = (reference: KeyReference) => VerificationKey | undefined | Promise<VerificationKey | undefined>

export type SignedJwtRules = {
  /** The media type of the token, such as `at+jwt`; the one that `typ` must name. */
  typ: string
  algorithms: readonly SignatureAlgorithm[]
  keys: KeySource
  /** In characters. */
  maxTokenLength: number
}

/**
 * Header parameters that change what a signature means. RFC 7515 §4.1.11 demands that a `crit` not understood is refused, and none
 * is understood here. `b64` has no place in a JWT, with or without `crit` (RFC 7797 §7).
 */
export const changedMeaning: readonly string[] = ['crit', 'b64']

/**
 * And those that bring a key along, or an address to fetch it from. The keys come from the issuer's set and from nowhere else
 * (RFC 8725 §3.10): the parameters that say otherwise are an attack, or an issuer who needs to hear of it.
 */
const refusedParameters = [...changedMeaning, 'jwk', 'jku', 'x5c', 'x5u']

/**
 * Checks that a JWT of the given type was signed by the key that it names, and nothing of what it claims. Where a claim is to be
 * believed, the caller checks it: an access token goes to `createVerifier`, not here.
 *
 * @throws {VerificationError} `token_too_large`, `malformed_token`, `unsupported_header`, `wrong_type`, `unsupported_algorithm`,
 *   `unknown_key`, `algorithm_mismatch`, `bad_signature`, `keys_unavailable`
 */
export async function verifySignedJwt(token: string, rules: SignedJwtRules): Promise<JsonObject> {
  const { header, payload, signingInput, signature } = parseCompactJws(token, rules.maxTokenLength)

  const refused = refusedParameters.find((parameter) => Object.hasOwn(header, parameter))
  if (refused !== undefined)
    throw new VerificationError('unsupported_header', `The token's header has ${refused}, which is not accepted.`)

  // RFC 8725 §3.11: the type keeps an ID token or a logout token, signed by the same key, from passing as an access token.
  const { typ, kid } = header
  if (!isMediaType(typ, rules.typ))
    throw new VerificationError(
      'wrong_type',
      `The token's type (typ) is ${quoted(typ)}, not ${rules.typ}. Was an ID token sent where the access token belongs?`,
    )

  const alg = rules.algorithms.find((algorithm) => algorithm === header['alg'])
  if (alg === undefined)
    throw new VerificationError(
      'unsupported_algorithm',
      `The token's algorithm (alg) is ${quoted(header['alg'])}, this service takes ${rules.algorithms.join(', ')}.`,
    )

  if (typeof kid !== 'string' || kid === '')
    throw new VerificationError('malformed_token', "The token's header names no key (kid).")

  const key = await findKey(rules.keys, { kid, alg })
  if (key === undefined)
    throw new VerificationError(
      'unknown_key',
      `The token is signed with the key ${quoted(kid)} (kid), which the issuer does not publish.`,
    )
  // RFC 8725 §3.1: the key says which algorithm is used with it, the token does not.
  if (key.alg !== alg)
    throw new VerificationError(
      'algorithm_mismatch',
      `The token's algorithm (alg) is ${alg}, its key ${quoted(kid)} (kid) is for ${key.alg}.`,
    )
  if (!signatureHolds(key, signingInput, signature))
    throw new VerificationError(
      'bad_signature',
      "The token's signature does not hold: it was altered, or signed by another key.",
    )
  return parsePart('payload', payload)
}

async function findKey(keys: KeySource, reference: KeyReference): Promise<VerificationKey | undefined> {
  let found: VerificationKey | undefined
  try {
    found = await keys(reference)
  } catch (cause) {
    if (cause instanceof VerificationError) throw cause
    throw new VerificationError('keys_unavailable', 'The keys that check the token cannot be had.', { cause })
  }
  // A JWK or a PEM has not been pinned to one algorithm.
  if (found !== undefined && !(found?.key instanceof KeyObject))
    throw new VerificationError(
      'keys_unavailable',
      'The option keys returned something else than a key of importVerificationKey.',
    )
  return found
}

/** Whether a header's `typ` names this media type, in any of its spellings. */
export function isMediaType(typ: unknown, expected: string): boolean {
  return typeof typ === 'string' && mediaType(typ) === mediaType(expected)
}

/** RFC 7515 §4.1.9: without regard to case, and `application/` may be left out where no other slash is. */
function mediaType(typ: string): string {
  return typ.toLowerCase().replace(/^application\/(?!.*\/)/, '')
}
