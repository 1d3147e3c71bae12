/** In letters as people see them. Longer names are cut: a client's must not push what a person consents to off the screen. */
const longest = 80

/**
 * A name that somebody chose, as a page may show it. Characters that nobody sees go: control characters, and those that turn
 * the direction of what follows (Unicode TR36 §2.5.1 and Bidi_Control in UAX 9), which make `nigol` read as `login`.
 * Names in right-to-left scripts need none of them: their letters have a direction of their own.
 */
export function shownName(name: string): string {
  // Cut twice: first roughly, so that a name of a megabyte costs no more than a long one.
  const seen = name
    .slice(0, longest * 32)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(/\p{Bidi_Control}/gu, '')
    .trim()
  const letters = [...new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(seen)]
  if (letters.length <= longest) return seen
  const kept = letters.slice(0, longest - 1).map(({ segment }) => segment)
  return `${kept.join('').trimEnd()}…`
}
