// @ts-check
// Shows JSON as it was written. If it were parsed and serialised, numbers beyond 2^53 would change and repeated members would disappear.

/**
 * @typedef {object} Json
 * @property {string} pretty formatted on lines, with invisible characters written as `\u` and a number
 * @property {unknown} value the result of JSON.parse: of a repeated member, the last
 * @property {string | undefined} twice the first member that is repeated in one object
 * @property {boolean} proto whether there is a member named `__proto__`
 * @property {boolean} invisible whether it contains characters that are invisible or change the direction of the text
 */

/** Deeper levels are not indented further: 16 KB of brackets would become megabytes of spaces. */
const maxIndent = 16

/**
 * @param {string} text
 * @returns {Json | undefined} undefined if it is not JSON
 */
export function readJson(text) {
  let value
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  /** @type {(Set<string> | undefined)[]} the members found so far in each open object; undefined for an array */
  const open = []
  let pretty = ''
  let previous = ''
  let twice
  let proto = false
  let invisible = false
  const newLine = () => `\n${'  '.repeat(Math.min(open.length, maxIndent))}`
  // The text is valid JSON, so there are no other tokens (RFC 8259 §2).
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const closes = token === '}' || token === ']'
    if (closes) open.pop()
    const isFirst = previous === '{' || previous === '['
    if (isFirst ? !closes : closes || previous === ',') pretty += newLine()
    if (token === '{' || token === '[') open.push(token === '{' ? new Set() : undefined)
    if (token.startsWith('"')) {
      /** @type {string} */
      const string = JSON.parse(token)
      const members = previous === '{' || previous === ',' ? open.at(-1) : undefined
      if (members?.has(string)) twice ??= string
      members?.add(string)
      if (members && string === '__proto__') proto = true
      const written = JSON.stringify(string)
      const shown = visible(written)
      if (shown !== written) invisible = true
      pretty += shown
    } else pretty += token === ':' ? ': ' : token
    previous = token
  }
  return { pretty, value, twice, proto, invisible }
}

/**
 * Writes characters that are invisible or change the direction of the text as JSON escapes: control and format characters (bidi,
 * zero width), separators, all spaces except the ordinary one, and blank letters.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u17b4\u17b5\u3164\uffa0]|\u034f|(?! )\p{Zs}/gu,
    (character) => character.split('').map(escaped).join(''),
  )
}

/** @param {string} unit one UTF-16 code unit */
function escaped(unit) {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
