/*
 * What people do to a word to make it longer: repeat it, and add digits. Everything here looks at a whole text. A text that merely
 * contains a word, or consists of several, is left alone.
 */

/** Digits that may stand around a word, as many as a date has. With more of them it is the digits that are hard to guess. */
const mostDigits = 8

/** Digits that anybody would try, such as 1234567890. There may be more of them, but no list has longer ones. */
const mostExpected = 20

/** Characters of a pattern that is worth nothing however often it is repeated. */
const longestPattern = 6

/** Characters beside digits and separators: `a` with eight digits is not a word with digits. */
const shortestWord = 3

/** Characters of a word that is looked for in a repetition. */
const longestWord = 64

/** Characters. A longer text is compared as it is: taking it apart would take long, and no word is made so long by accident. */
const longestText = 256

const digit = /^\p{Nd}$/u
const separator = /^[\s\p{Pd}\p{Pc}.,]$/u

/**
 * The texts that this one may have been made of: itself, the word that it repeats, and both without the digits around them.
 *
 * @param isExpected whether digits are ones that anybody would try; then there may be more of them
 */
export function sourcesOf(text: string, isExpected: (digits: string) => boolean): ReadonlySet<string> {
  const sources = new Set([text])
  if ([...text].length > longestText) return sources
  for (const whole of [text, ...withoutDigits(text, isExpected)]) {
    sources.add(whole)
    for (const word of repeatedIn(whole)) {
      sources.add(word)
      for (const bare of withoutDigits(word, isExpected)) sources.add(bare)
    }
  }
  return sources
}

/** Whether a text is nothing but one short pattern over and over, with a part of it at the end, or with digits around it. */
export function isPattern(text: string): boolean {
  if ([...text].length > longestText) return false
  if (repeatsPattern(text, 2)) return true
  const rest = text.replace(/^\p{Nd}+/u, '').replace(/(?<!\p{Nd})\p{Nd}+$/u, '')
  return [...text].length - [...rest].length <= mostDigits && repeatsPattern(rest, 3)
}

/** @param least how many times at the least */
function repeatsPattern(text: string, least: number): boolean {
  return [[...text], graphemesOf(text)].some((characters) => {
    const period = periodOf(characters)
    return period <= longestPattern && characters.length >= least * period && characters.length > 1
  })
}

/** The word of which a text consists, written twice or more, with separators between or without. */
function repeatedIn(text: string): string[] {
  const characters = [...text]
  const count = characters.length
  const period = periodOf(characters)
  const found = []
  // `blablablabla` is twice a listed word, and four times one that is not.
  for (let length = period; length <= count / 2 + 1 && length <= longestWord; length += period) {
    const unit = characters.slice(0, length)
    // The last time there may be no separator behind it.
    const last = count % length || length
    if (length < count && unit.slice(last).every((character) => separator.test(character)))
      found.push(unit.slice(0, last).join(''))
  }
  const words = text.split(/[\s\p{Pd}\p{Pc}.,]+/u).filter((word) => word !== '')
  const [first] = words
  if (first !== undefined && first !== text && words.every((word) => word === first)) found.push(first)
  return found
}

/**
 * The text without digits that it begins or ends with, and without the separators between them and the word. The word may have digits
 * of its own (`user1`), so each way of dividing them is tried.
 */
function withoutDigits(text: string, isExpected: (digits: string) => boolean): string[] {
  const characters = [...text]
  const count = characters.length
  if (characters.filter((character) => !digit.test(character) && !separator.test(character)).length < shortestWord)
    return []
  const leading = characters.findIndex((character) => !digit.test(character))
  const trailing = count - 1 - characters.findLastIndex((character) => !digit.test(character))
  const rests: string[] = []
  const before = characters.slice(0, leading)
  const after = characters.slice(count - trailing).toReversed()
  for (const first of waysToTake(before, (digits) => isExpected(digits.join(''))))
    for (const last of waysToTake(after, (digits) => isExpected(digits.toReversed().join('')))) {
      // Digits that anybody would expect stand on one side only.
      if (first + last === 0 || (first + last > mostDigits && first > 0 && last > 0)) continue
      const rest = characters.slice(first, count - last)
      const start = first > 0 ? rest.findIndex((character) => !separator.test(character)) : 0
      const end = last > 0 ? endOfWord(rest, start) : rest.length
      rests.push(rest.join(''), rest.slice(start, end).join(''))
    }
  return rests
}

/** Where the separators at the end begin. */
function endOfWord(characters: readonly string[], start: number): number {
  return Math.max(start, characters.findLastIndex((character) => !separator.test(character)) + 1)
}

/**
 * How many digits may be taken from the end of a word or, where they come first, from its beginning.
 *
 * @param digits the outermost first
 */
function waysToTake(digits: readonly string[], isExpected: (digits: readonly string[]) => boolean): number[] {
  const few = Array.from({ length: Math.min(digits.length, mostDigits) + 1 }, (_, taken) => taken)
  const many = Array.from({ length: Math.min(digits.length, mostExpected) }, (_, index) => index + 1).slice(mostDigits)
  return [...few, ...many.filter((taken) => isExpected(digits.slice(0, taken)))]
}

/** The length, at least 1, of the shortest beginning that gives the whole when it is repeated; the last time it may be cut off. */
function periodOf(characters: readonly string[]): number {
  // Knuth, Morris and Pratt: how much of the beginning each part of the text ends with.
  const border = [0]
  for (let index = 1; index < characters.length; index++) {
    let length = border[index - 1] ?? 0
    while (length > 0 && characters[index] !== characters[length]) length = border[length - 1] ?? 0
    border.push(characters[index] === characters[length] ? length + 1 : 0)
  }
  return Math.max(1, characters.length - (border.at(-1) ?? 0))
}

/** What a reader takes for one character: a flag, or a face of several code points, is one and not four. */
function graphemesOf(text: string): string[] {
  return [...new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(text)].map(({ segment }) => segment)
}
