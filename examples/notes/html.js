/** Marks HTML that `html` has made. No string and no parsed JSON can have this symbol. */
const markup = Symbol('markup')

/** @typedef {{ readonly [markup]: string }} SafeHtml */
/** @typedef {string | undefined | SafeHtml | readonly SafeHtml[]} Part */

/**
 * A template that escapes every part unless it came from `html` itself, so that user input never becomes markup. Put attribute values
 * in double quotes.
 *
 * @param {TemplateStringsArray} strings
 * @param {...Part} parts
 * @returns {SafeHtml}
 */
export function html(strings, ...parts) {
  return { [markup]: strings.reduce((text, next, index) => text + escaped(parts[index - 1]) + next) }
}

/**
 * The text of a whole document.
 *
 * @param {SafeHtml} document
 */
export function textOf(document) {
  return document[markup]
}

/**
 * @param {Part} part
 * @returns {string}
 */
function escaped(part) {
  if (part === undefined) return ''
  if (typeof part === 'string') return part.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
  return markup in part ? part[markup] : part.map(textOf).join('')
}
