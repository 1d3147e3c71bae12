/** Why a user name cannot be chosen. */
export type UsernameFault = 'username_invalid' | 'username_mixed' | 'username_like_id'

/** Code points. */
const longest = 64

/** The scripts in wide use (UAX 31 Table 5), by their names in Unicode. Latin has a list of its own, below. */
const scripts = [
  ...[
    'Arabic',
    'Armenian',
    'Bengali',
    'Cyrillic',
    'Devanagari',
    'Ethiopic',
    'Georgian',
    'Greek',
    'Gujarati',
    'Gurmukhi',
  ],
  ...[
    'Hebrew',
    'Kannada',
    'Khmer',
    'Lao',
    'Malayalam',
    'Myanmar',
    'Oriya',
    'Sinhala',
    'Tamil',
    'Telugu',
    'Thaana',
    'Thai',
  ],
  'Tibetan',
]
/** UTS 39 §5.1: Chinese with Bopomofo, Japanese and Korean are written in several scripts each. */
const writtenTogether = [
  ['Han', 'Bopomofo'],
  ['Han', 'Hiragana', 'Katakana'],
  ['Han', 'Hangul'],
]
/**
 * Latin letters of the alphabets of languages. Without phonetic symbols such as `ɑ` and `ɡ`, which pass for `a` and `g`, and without
 * the click letters (Lo), which pass for `l` and `!`.
 */
const latin = '(?!\\p{Lo})[a-zA-Z\\u00c0-\\u024f\\u1e00-\\u1effɓɔɖɗəɛɠɣɨɩɲʃʈʉʊʋʌʒ]'

/**
 * What may stand in a user name of each writing system. Letters and digits belong to it by their Script_Extensions (UTS 39 §5.1, the
 * resolved script set is not empty); ASCII digits and punctuation, and the two apostrophes that are letters, belong to all.
 */
const writingSystems = [
  latin,
  ...[...scripts.map((script) => [script]), ...writtenTogether].map(
    (together) => `(?=[\\p{L}\\p{Nd}])[${together.map((script) => `\\p{scx=${script}}`).join('')}]`,
  ),
].map((own) => new RegExp(`^(?:[0-9._\\u02bb\\u02bc-]|${own})*$`, 'u'))

/** Letters that cannot be seen, only lengthen others or repeat them (RFC 5892 §2.6), or are parts of syllables that Unicode has whole. */
const unwanted =
  /[\p{Default_Ignorable_Code_Point}\u0640\u07fa\u3031-\u3035\u303b\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]/u
/** Letters, digits, dots, hyphens and underscores: there is no `@`, so that a user name is never mistaken for an e-mail address. */
const characters = new RegExp(`^[\\p{L}\\p{N}._-]{1,${longest}}$`, 'u')

const rightToLeft = /[\p{scx=Arab}\p{scx=Hebr}\p{scx=Thaa}]/u
/** A `sub` is 16 random octets in base64url; others use UUIDs. Commands and logs take both for what they are. */
const likeId = /^(?:[\w-]{22}|[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12})$/i

/**
 * The one form in which a user name is stored: NFKC, and in lower case unless it is all ASCII (RFC 8265 §3.3, UsernameCaseMapped).
 * Names in ASCII keep their capitals, which every database compares alike under `COLLATE "C"`; `Émile` becomes `émile`, so that
 * `asciiLowerCase` of two canonical names tells whether they are the same.
 *
 * @param typed without white space around it
 * @returns the canonical name, or why it cannot be chosen
 */
export function readUsername(typed: string): { readonly username: string } | { readonly fault: UsernameFault } {
  const username = foldUsername(typed)
  if (username === undefined || unwanted.test(username)) return { fault: 'username_invalid' }
  if (likeId.test(username)) return { fault: 'username_like_id' }
  // Phonetic symbols, and digits of other kinds than decimal ones, are in no writing system.
  if (!/^[\p{L}\p{Nd}._-]*$/u.test(username)) return { fault: 'username_invalid' }
  if (!writingSystems.some((system) => system.test(username)) || hasTwoKindsOfDigits(username))
    return { fault: 'username_mixed' }
  // RFC 5893 §2, rules 1 to 3: with a digit or a hyphen at its end or beginning, it would look like another name.
  if (rightToLeft.test(username) && !/^\p{L}(?:.*[\p{L}\p{Nd}])?$/u.test(username)) return { fault: 'username_invalid' }
  return { username }
}

/**
 * The canonical form whether or not the name could be chosen today: existing names, which were chosen under other rules, are found by it.
 *
 * @returns undefined for what was never a user name
 */
export function foldUsername(typed: string): string | undefined {
  // A ligature becomes up to 18 letters, and a letter with marks of its own may have been typed as several.
  if (typed.length > 8 * longest) return undefined
  const composed = typed.normalize('NFKC')
  const folded = isAscii(composed) ? composed : lowerCase(composed).normalize('NFKC')
  return characters.test(folded) ? folded : undefined
}

/**
 * One small sigma has two shapes: which one it is depends on its place in the word, not on how it was typed. `İ` becomes `i`, as in
 * Turkish; JavaScript would leave its dot as a mark above an `i` that has one already.
 */
function lowerCase(text: string): string {
  return text.replace(/[σς]/g, 'Σ').replaceAll('İ', 'i').toLowerCase()
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text)
}

/** UTS 39 §5.3: digits of two decimal systems, such as the Arabic and the Persian ones, of which some look alike. */
function hasTwoKindsOfDigits(name: string): boolean {
  const zeros = (name.match(/\p{Nd}/gu) ?? []).map((digit) => zeroOf(digit.codePointAt(0) ?? 0))
  return new Set(zeros).size > 1
}

/** The digit zero of the system that a digit belongs to: the ten are next to each other, and some systems follow on another. */
function zeroOf(codePoint: number): number {
  let first = codePoint
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--
  return codePoint - ((codePoint - first) % 10)
}
