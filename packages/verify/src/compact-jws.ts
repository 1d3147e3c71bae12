import { type JsonObject, parseJsonObject } from './strict-json.ts'
import { VerificationError } from './verification-error.ts'

/** The parts of a JWS in compact serialization (RFC 7515 §7.1). The payload is not parsed until the signature has been checked. */
export type CompactJws = {
  header: JsonObject
  payload: Buffer
  signingInput: Buffer
  signature: Buffer
}

/**
 * In characters of base64url. A `kid` has up to 255 characters, so a header without a key or certificate is half as long, and one that
 * contains a key is rejected anyway. The limit bounds the cost of rejecting a forged token.
 */
const maxHeaderLength = 1024

/**
 * Parses a JWS: three parts in canonical base64url, of which the header is a JSON object.
 *
 * @param token the presented value, which may not be a string
 * @param maxLength in characters
 * @throws {VerificationError} `token_too_large`, `malformed_token`
 */
export function parseCompactJws(token: string, maxLength: number): CompactJws {
  if (typeof token !== 'string') throw malformed('it is not a string')
  if (token.length > maxLength)
    throw new VerificationError(
      'token_too_large',
      `The token has ${token.length} characters; this service accepts at most ${maxLength}.`,
    )
  // A fourth part is enough to reject the token, so the rest is not split.
  const [header, payload, signature, ...more] = token.split('.', 4)
  if (header === undefined || payload === undefined || signature === undefined || more.length > 0)
    throw malformed('it does not have three parts')
  if (header.length > maxHeaderLength)
    throw new VerificationError(
      'token_too_large',
      `The token's header has ${header.length} characters; at most ${maxHeaderLength} are accepted.`,
    )
  return {
    header: parsePart('header', decodeBase64url('header', header)),
    payload: decodeBase64url('payload', payload),
    signature: decodeBase64url('signature', signature),
    signingInput: Buffer.from(token.slice(0, token.lastIndexOf('.')), 'latin1'),
  }
}

/** @throws {VerificationError} `malformed_token` */
export function parsePart(part: string, bytes: Buffer): JsonObject {
  try {
    return parseJsonObject(bytes)
  } catch (error) {
    throw malformed(`its ${part} cannot be read: ${error instanceof Error ? error.message : 'unknown error'}`)
  }
}

/**
 * RFC 7515 §2: base64url without padding, line breaks or white space. Node's decoder skips unknown characters and ignores the unused bits of
 * the last one. One token would have many encodings, and could evade a denylist of token digests. So only the canonical encoding is accepted.
 */
function decodeBase64url(part: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw malformed(`its ${part} is not canonical base64url (RFC 7515, 2)`)
  return bytes
}

function malformed(reason: string): VerificationError {
  return new VerificationError('malformed_token', `The token is not a signed JWT: ${reason}.`)
}
