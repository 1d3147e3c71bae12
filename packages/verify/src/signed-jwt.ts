import { KeyObject } from 'node:crypto'
import { parseCompactJws, parsePart } from './compact-jws.ts'
import type { JsonObject } from './strict-json.ts'
import { quoted, VerificationError } from './verification-error.ts'
import type { SignatureAlgorithm, VerificationKey } from './verification-key.ts'

/** The part of the header by which a key is looked up. The signature has not been checked yet, so it proves nothing. */
export type KeyReference = { readonly kid: string; readonly alg: SignatureAlgorithm }

/** Returns the key that a token names, or undefined if there is no such key. What it throws becomes `keys_unavailable`. */
export type KeySource = (reference: KeyReference) => VerificationKey | undefined | Promise<VerificationKey | undefined>

/** A public key and the one algorithm that it may be used with. Services verify with `SignatureAlgorithm`; the issuer itself knows more of them. */
type PinnedKey<Algorithm extends string> = { readonly alg: Algorithm; readonly key: KeyObject }

type KeyLookUp<Algorithm extends string> = (reference: {
  readonly kid: string
  readonly alg: Algorithm
}) => PinnedKey<Algorithm> | undefined | Promise<PinnedKey<Algorithm> | undefined>

export type SignedJwtRules<Algorithm extends string = SignatureAlgorithm> = {
  /** The media type that `typ` must name, such as `at+jwt`. */
  typ: string
  algorithms: readonly Algorithm[]
  keys: KeyLookUp<Algorithm>
  /** In characters. */
  maxTokenLength: number
  /** Whether the signature over this input was made by this key. */
  signatureHolds: (key: PinnedKey<Algorithm>, signingInput: Buffer, signature: Buffer) => boolean
}

/**
 * Header parameters that change what a signature means. RFC 7515 §4.1.11 requires that an unsupported `crit` is rejected, and no extension
 * is supported here. `b64` is not allowed in a JWT, with or without `crit` (RFC 7797 §7).
 */
export const changedMeaning: readonly string[] = ['crit', 'b64']

/**
 * Those, and the parameters that contain a key or a URL to fetch it from. Keys come only from the issuer's set (RFC 8725 §3.10). A token with such a
 * parameter is an attack, or the issuer is misconfigured and should notice.
 */
const refusedParameters = [...changedMeaning, 'jwk', 'jku', 'x5c', 'x5u']

/**
 * Checks that a JWT of the given type was signed by the key that it names. It does not check any claim: the caller must do that. For access
 * tokens use `createVerifier` instead.
 *
 * @throws {VerificationError} `token_too_large`, `malformed_token`, `unsupported_header`, `wrong_type`, `unsupported_algorithm`,
 *   `unknown_key`, `algorithm_mismatch`, `bad_signature`, `keys_unavailable`
 */
export async function verifySignedJwt<Algorithm extends string>(
  token: string,
  rules: SignedJwtRules<Algorithm>,
): Promise<JsonObject> {
  const { header, payload, signingInput, signature } = parseCompactJws(token, rules.maxTokenLength)

  const refused = refusedParameters.find((parameter) => Object.hasOwn(header, parameter))
  if (refused !== undefined)
    throw new VerificationError('unsupported_header', `The token's header has ${refused}, which is not accepted.`)

  // RFC 8725 §3.11: the type prevents an ID token or a logout token, signed by the same key, from being accepted as an access token.
  const { typ, kid } = header
  if (!isMediaType(typ, rules.typ))
    throw new VerificationError(
      'wrong_type',
      `The token's type (typ) is ${quoted(typ)}, not ${rules.typ}. Was an ID token sent instead of the access token?`,
    )

  const alg = rules.algorithms.find((algorithm) => algorithm === header['alg'])
  if (alg === undefined)
    throw new VerificationError(
      'unsupported_algorithm',
      `The token's algorithm (alg) is ${quoted(header['alg'])}; this service accepts ${rules.algorithms.join(', ')}.`,
    )

  if (typeof kid !== 'string' || kid === '')
    throw new VerificationError('malformed_token', "The token's header names no key (kid).")

  const key = await findKey(rules.keys, { kid, alg })
  if (key === undefined)
    throw new VerificationError(
      'unknown_key',
      `The token is signed with the key ${quoted(kid)} (kid), which the issuer does not publish.`,
    )
  // RFC 8725 §3.1: the key determines its algorithm, not the token.
  if (key.alg !== alg)
    throw new VerificationError(
      'algorithm_mismatch',
      `The token's algorithm (alg) is ${alg}, but its key ${quoted(kid)} (kid) is for ${key.alg}.`,
    )
  if (!rules.signatureHolds(key, signingInput, signature))
    throw new VerificationError(
      'bad_signature',
      "The token's signature is not valid: the token was altered, or signed by another key.",
    )
  return parsePart('payload', payload)
}

async function findKey<Algorithm extends string>(
  keys: KeyLookUp<Algorithm>,
  reference: { readonly kid: string; readonly alg: Algorithm },
): Promise<PinnedKey<Algorithm> | undefined> {
  let found: PinnedKey<Algorithm> | undefined
  try {
    found = await keys(reference)
  } catch (cause) {
    if (cause instanceof VerificationError) throw cause
    throw new VerificationError('keys_unavailable', 'The keys to check the token with are not available.', { cause })
  }
  // A JWK or a PEM has not been pinned to one algorithm.
  if (found !== undefined && !(found?.key instanceof KeyObject))
    throw new VerificationError(
      'keys_unavailable',
      'The option keys returned a value that is not a key from importVerificationKey.',
    )
  return found
}

/** Whether a header's `typ` names this media type, in any spelling. */
export function isMediaType(typ: unknown, expected: string): boolean {
  return typeof typ === 'string' && mediaType(typ) === mediaType(expected)
}

/** RFC 7515 §4.1.9: case-insensitive, and `application/` may be omitted if there is no other slash. */
function mediaType(typ: string): string {
  return typ.toLowerCase().replace(/^application\/(?!.*\/)/, '')
}
