import { type JsonObject, parseJsonObject } from './strict-json.ts'
import { VerificationError } from './verification-error.ts'

/** A JWS in compact serialization (RFC 7515 §7.1), taken apart. The payload is not even parsed before the signature holds. */
export type CompactJws = {
  header: JsonObject
  payload: Buffer
  signingInput: Buffer
  signature: Buffer
}

/**
 * In characters of base64url. A `kid` has up to 255 characters, so a header without a key or certificate is half as long; one that
 * brings a key along is refused anyway. The limit bounds what it costs to refuse a token that anybody can make up.
 */
const maxHeaderLength = 1024

/**
 * Takes a JWS apart: three parts in canonical base64url, the header a JSON object.
 *
 * @param token what was presented; not yet trusted to be a string
 * @param maxLength in characters
 * @throws {VerificationError} `token_too_large`, `malformed_token`
 */
export function parseCompactJws(token: string, maxLength: number): CompactJws {
  if (typeof token !== 'string') throw malformed('it is not a string')
  if (token.length > maxLength)
    throw new VerificationError(
      'token_too_large',
      `The token has ${token.length} characters, this service takes ${maxLength}.`,
    )
  // A fourth part is enough to refuse the token, however many follow.
  const [header, payload, signature, ...more] = token.split('.', 4)
  if (header === undefined || payload === undefined || signature === undefined || more.length > 0)
    throw malformed('it does not have three parts')
  if (header.length > maxHeaderLength)
    throw new VerificationError(
      'token_too_large',
      `The token's header has ${header.length} characters, at most ${maxHeaderLength} are accepted.`,
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
 * RFC 7515 §2: base64url without padding, line breaks or white space. Node's decoder skips what it does not know and ignores
 * the unused bits of the last character; one token would have many spellings, and pass a list that knows it by its digest.
 * So the one canonical spelling is demanded.
 */
function decodeBase64url(part: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw malformed(`its ${part} is not base64url as RFC 7515, 2 has it`)
  return bytes
}

function malformed(reason: string): VerificationError {
  return new VerificationError('malformed_token', `The token is not a signed JWT: ${reason}.`)
}
