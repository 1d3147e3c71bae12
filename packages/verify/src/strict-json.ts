import { isUtf8 } from 'node:buffer'

export type JsonObject = { [member: string]: unknown }

/**
 * How deeply arrays and objects may be nested. RFC 8259 §9 lets a parser set this limit. Claims need five or six levels, a chain of
 * actors (RFC 8693 §4.1) a few more. Without a limit the sender decides how deep functions that traverse the value recurse.
 */
const maxDepth = 32

/** In bytes. Callers that know how long their input can be check a lower limit before they call. */
const maxLength = 1024 * 1024

/**
 * Parses untrusted JSON, more strictly than `JSON.parse` (which jose uses):
 * - Its length and depth are limited, and checked before it is parsed.
 * - The bytes must be UTF-8 (RFC 8259 §8.1); a decoder would silently replace invalid ones.
 * - No object may have duplicate members (RFC 7515 §4 and RFC 7519 §4 let a parser reject them). Two programs that read the same token
 *   could choose different ones, and one would check a value that the other does not use.
 * - No member may be named `__proto__`: it is harmless here, but sets the prototype if a service copies the claims.
 *
 * @param json the JSON text
 * @param maxBytes the maximum length
 * @throws {SyntaxError} saying what is wrong, without quoting the text
 */
export function parseJson(json: Buffer | string, maxBytes = maxLength): unknown {
  const bytes = typeof json === 'string' ? Buffer.from(json) : json
  if (bytes.length > maxBytes) throw new SyntaxError(`it is longer than ${maxBytes} bytes`)
  if (!isUtf8(bytes)) throw new SyntaxError('it is not UTF-8')
  const written = countWrittenMembers(bytes)
  const value = parseText(bytes.toString('utf8'))
  if (countMembers(value) !== written) throw new SyntaxError('it has a member twice')
  return value
}

/**
 * Parses one JSON object, as `parseJson` does.
 *
 * @throws {SyntaxError}
 */
export function parseJsonObject(json: Buffer | string): JsonObject {
  const value = parseJson(json)
  if (!isJsonObject(value)) throw new SyntaxError('it is not a JSON object')
  return value
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The engine's message quotes the text, which may be a part of the token.
    throw new SyntaxError('it is not JSON')
  }
}

// The bytes of " \ : [ ] { }
const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const openArray = 0x5b
const closeArray = 0x5d
const openObject = 0x7b
const closeObject = 0x7d

/**
 * Counts the members in the text, and checks the depth, before the text is parsed. In JSON each member has one colon outside of strings.
 * Text that is not JSON may be miscounted, which does no harm: up to its first error the parser sees the same brackets.
 *
 * @throws {SyntaxError} if it is nested too deeply
 */
function countWrittenMembers(json: Buffer): number {
  let members = 0
  let depth = 0
  let inString = false
  for (let index = 0; index < json.length; index++) {
    const byte = json[index]
    if (inString) {
      if (byte === backslash) index++
      else if (byte === quote) inString = false
    } else if (byte === quote) inString = true
    else if (byte === colon) members++
    else if (byte === closeArray || byte === closeObject) depth--
    else if ((byte === openArray || byte === openObject) && ++depth > maxDepth)
      throw new SyntaxError(`it is nested more than ${maxDepth} levels deep`)
  }
  return members
}

/** Counts the members that remain after `JSON.parse`, at every level. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  if (Array.isArray(value)) return value.reduce((members: number, child) => members + countMembers(child), 0)
  const names = Object.keys(value)
  let members = names.length
  for (const name of names) {
    if (name === '__proto__') throw new SyntaxError('it has a member named __proto__')
    members += countMembers((value as JsonObject)[name])
  }
  return members
}
