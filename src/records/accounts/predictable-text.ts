/*
 * Recognises what people do to make a word longer: repeat it, and add digits. Everything here considers the whole text. A text that only contains
 * a word, or that consists of several words, does not match.
 */

/** The maximum number of digits around a word: as many as a date has. With more digits, the digits themselves are hard to guess. */
const maxDigits = 8

/** The maximum number of digits that everybody would try, such as 1234567890. No list has longer ones. */
const maxExpectedDigits = 20

/** The maximum length of a pattern that stays easy to guess no matter how often it is repeated, in characters. */
const maxPatternLength = 6

/** The minimum number of characters that are neither digits nor separators: `a` with eight digits is not a word with digits. */
const minWordLength = 3

/** The maximum length of a word that is recognised in a repetition, in characters. */
const maxWordLength = 64

/** Characters. A longer text is compared as it is: analysing it would be slow, and nobody extends a word to this length by accident. */
const maxTextLength = 256

const digit = /^\p{Nd}$/u
const separator = /^[\s\p{Pd}\p{Pc}.,]$/u

/**
 * The texts that this one may be derived from: itself, the word that it repeats, and both without the digits around them.
 *
 * @param isExpected whether a sequence of digits is one that everybody would try; then it may be longer
 */
export function sourcesOf(text: string, isExpected: (digits: string) => boolean): ReadonlySet<string> {
  const sources = new Set([text])
  if ([...text].length > maxTextLength) return sources
  for (const whole of [text, ...withoutDigits(text, isExpected)]) {
    sources.add(whole)
    for (const word of repeatedIn(whole)) {
      sources.add(word)
      for (const bare of withoutDigits(word, isExpected)) sources.add(bare)
    }
  }
  return sources
}

/** Whether a text is one short pattern repeated, possibly with a part of the pattern at the end or with digits around it. */
export function isPattern(text: string): boolean {
  if ([...text].length > maxTextLength) return false
  if (repeatsPattern(text, 2)) return true
  const rest = text.replace(/^\p{Nd}+/u, '').replace(/(?<!\p{Nd})\p{Nd}+$/u, '')
  return [...text].length - [...rest].length <= maxDigits && repeatsPattern(rest, 3)
}

/** @param minTimes the minimum number of repetitions */
function repeatsPattern(text: string, minTimes: number): boolean {
  return [[...text], graphemesOf(text)].some((characters) => {
    const period = periodOf(characters)
    return period <= maxPatternLength && characters.length >= minTimes * period && characters.length > 1
  })
}

/** The words that a text repeats at least twice, with or without separators between the repetitions. */
function repeatedIn(text: string): string[] {
  const characters = [...text]
  const count = characters.length
  const period = periodOf(characters)
  const found = []
  // `blablablabla` is a listed word repeated twice, and an unlisted word repeated four times.
  for (let length = period; length <= count / 2 + 1 && length <= maxWordLength; length += period) {
    const unit = characters.slice(0, length)
    // The last repetition may have no separator after it.
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
 * The text without digits at its beginning or end, and without the separators between them and the word. The word itself may contain digits
 * (`user1`), so every number of removed digits is tried.
 */
function withoutDigits(text: string, isExpected: (digits: string) => boolean): string[] {
  const characters = [...text]
  const count = characters.length
  if (characters.filter((character) => !digit.test(character) && !separator.test(character)).length < minWordLength)
    return []
  const leading = characters.findIndex((character) => !digit.test(character))
  const trailing = count - 1 - characters.findLastIndex((character) => !digit.test(character))
  const rests: string[] = []
  const before = characters.slice(0, leading)
  const after = characters.slice(count - trailing).toReversed()
  for (const first of waysToTake(before, (digits) => isExpected(digits.join(''))))
    for (const last of waysToTake(after, (digits) => isExpected(digits.toReversed().join('')))) {
      // Sequences that everybody would try count only if the digits are on one side.
      if (first + last === 0 || (first + last > maxDigits && first > 0 && last > 0)) continue
      const rest = characters.slice(first, count - last)
      const start = first > 0 ? rest.findIndex((character) => !separator.test(character)) : 0
      const end = last > 0 ? endOfWord(rest, start) : rest.length
      rests.push(rest.join(''), rest.slice(start, end).join(''))
    }
  return rests
}

/** Where the trailing separators begin. */
function endOfWord(characters: readonly string[], start: number): number {
  return Math.max(start, characters.findLastIndex((character) => !separator.test(character)) + 1)
}

/**
 * How many digits may be removed from one side of a word.
 *
 * @param digits the digits on that side, the outermost first
 */
function waysToTake(digits: readonly string[], isExpected: (digits: readonly string[]) => boolean): number[] {
  const few = Array.from({ length: Math.min(digits.length, maxDigits) + 1 }, (_, taken) => taken)
  const many = Array.from({ length: Math.min(digits.length, maxExpectedDigits) }, (_, index) => index + 1).slice(
    maxDigits,
  )
  return [...few, ...many.filter((taken) => isExpected(digits.slice(0, taken)))]
}

/** The length, at least 1, of the shortest prefix whose repetition gives the whole text; the last repetition may be cut off. */
function periodOf(characters: readonly string[]): number {
  // The failure function of Knuth, Morris and Pratt: the length of the longest prefix that each part of the text also ends with.
  const border = [0]
  for (let index = 1; index < characters.length; index++) {
    let length = border[index - 1] ?? 0
    while (length > 0 && characters[index] !== characters[length]) length = border[length - 1] ?? 0
    border.push(characters[index] === characters[length] ? length + 1 : 0)
  }
  return Math.max(1, characters.length - (border.at(-1) ?? 0))
}

/** The characters as a reader sees them: a flag, or an emoji of several code points, is one character. */
function graphemesOf(text: string): string[] {
  return [...new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(text)].map(({ segment }) => segment)
}
