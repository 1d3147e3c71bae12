// @ts-check
// Shows JSON as it was written: parsed and printed anew, a number beyond 2^53 would change and a doubled member would vanish.

/**
 * @typedef {object} Json
 * @property {string} pretty laid out on lines, with what cannot be seen written as `\u` and a number
 * @property {unknown} value as JSON.parse has it: of a member that stands there twice, the last
 * @property {string | undefined} twice the first member that stands there twice in one object
 * @property {boolean} proto whether there is a member named `__proto__`
 * @property {boolean} invisible whether there are characters that cannot be seen, or that turn the direction of the text
 */

/** Deeper levels are not moved in further: 16 KB of brackets would become megabytes of spaces. */
const deepest = 16

/**
 * @param {string} text
 * @returns {Json | undefined} undefined where it is no JSON
 */
export function readJson(text) {
  let value
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  /** @type {(Set<string> | undefined)[]} the members seen so far of each open object; undefined for an array */
  const open = []
  let pretty = ''
  let previous = ''
  let twice
  let proto = false
  let invisible = false
  const newLine = () => `\n${'  '.repeat(Math.min(open.length, deepest))}`
  // The text is known to be JSON, so these are all the tokens there can be (RFC 8259 §2).
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
 * Writes characters that cannot be seen, or that turn the direction of the text, as JSON's escapes: controls, format characters
 * (bidi, zero width), separators and spaces but the plain one, and the letters that are blank.
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
