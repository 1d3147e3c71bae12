import { isUtf8 } from 'node:buffer'

export type JsonObject = { [member: string]: unknown }

/**
 * Parses one JSON object, more strictly than `JSON.parse` does (and jose with it):
 * - the bytes are UTF-8 (RFC 8259 §8.1), not something that a decoder has mended;
 * - no object has a member twice (RFC 7515 §4, RFC 7519 §4 let a parser refuse it): where two programs that read one token
 *   choose different ones of the two, the one has checked what the other does not use;
 * - no member is named `__proto__`: it is harmless here, and sets the prototype where a service copies the claims.
 *
 * @param bytes the JSON text
 * @throws {SyntaxError} saying what is wrong, and nothing of the text
 */
export function parseJsonObject(bytes: Buffer): JsonObject {
  if (!isUtf8(bytes)) throw new SyntaxError('it is not UTF-8')
  const text = bytes.toString('utf8')
  const value = parseJson(text)
  if (!isJsonObject(value)) throw new SyntaxError('it is not a JSON object')
  if (countMembers(value) !== countWrittenMembers(text)) throw new SyntaxError('it has a member twice')
  return value
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The engine's message quotes the text, which may be a part of the token.
    throw new SyntaxError('it is not JSON')
  }
}

/** The members that are left after `JSON.parse`, at every depth; by a work list, as the depth is the sender's choice. */
function countMembers(root: JsonObject): number {
  let members = 0
  const open: object[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Object.hasOwn(value, '__proto__')) throw new SyntaxError('it has a member named __proto__')
    if (!Array.isArray(value)) members += Object.keys(value).length
    for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) open.push(child)
  }
  return members
}

/** The members as written: in JSON, which the text is known to be, each has one colon outside the strings. */
function countWrittenMembers(text: string): number {
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '').split(':').length - 1
}
