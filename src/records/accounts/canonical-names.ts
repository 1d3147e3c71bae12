import { domainToASCII, domainToUnicode } from 'node:url'

/** Octets of an address and of its local part (RFC 5321 §4.5.3.1.1 and §4.5.3.1.3), and of a label of its domain (RFC 1035 §2.3.4). */
const [longestAddress, longestLocalPart] = [254, 64]
/** UTF-16 code units of what is looked at: every character of a domain in Unicode costs an octet of its Punycode, even when decomposed. */
const longestTyped = 1024

/**
 * Characters without a place in an address: those that RFC 5321 has only in quoted local parts; white space; and everything that
 * cannot be seen, such as control (Cc), format and bidirectional (Cf) characters, surrogates, and code points that are unassigned or
 * for private use (all of C), variation selectors and fillers (Default_Ignorable), and the blank Braille pattern.
 */
const notInEmail = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800<>"(),:;\\[\]]/u
/** U+200C and U+200D belong to domain names of some languages. Only `domainToASCII` knows where (RFC 5892 Appendix A). */
const joiners = /[\u200c\u200d]/g

/** Letters, digits and inner hyphens, two labels at least (RFC 5321 §2.3.5). No top-level domain is a number: that is an IPv4 address. */
const mailDomain =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The one form in which an e-mail address is stored: NFC (RFC 6532 §3.1), and the domain as DNS has it, in ASCII and lower case
 * (UTS 46). Browsers send the same internationalised address as Punycode from `type=email` and in Unicode from other fields; both
 * come out alike. The local part keeps its capitals: mail systems may tell them apart. `asciiLowerCase` of two canonical addresses
 * tells whether they are the same.
 *
 * @param typed without white space around it. A full-width `＠` counts as `@`, as input methods for Japanese and Chinese produce it
 * @returns undefined where it is not an address; whether it is somebody's only a mail can tell
 */
export function canonicalEmail(typed: string): string | undefined {
  if (typed.length > longestTyped) return undefined
  const [local, domain, ...rest] = typed.normalize('NFC').replaceAll('＠', '@').split('@')
  if (!local || !domain || rest.length > 0) return undefined
  if (notInEmail.test(local) || /^\p{M}/u.test(local)) return undefined
  const ascii = asciiDomain(domain)
  if (ascii === undefined) return undefined
  const email = `${local}@${ascii}`
  const fits = Buffer.byteLength(local) <= longestLocalPart && Buffer.byteLength(email) <= longestAddress
  return fits ? email : undefined
}

/** An address as its owner may write it: the domain in Unicode. */
export function emailInUnicode(email: string): string {
  const [local, domain] = email.split('@')
  return domain === undefined ? email : `${local}@${domainToUnicode(domain) || domain}`
}

function asciiDomain(domain: string): string | undefined {
  // The function takes what a URL may have for a host, percent-encoded or with a path behind it. UTS 46 ignores some characters that
  // nobody sees, so they are looked for first.
  if (notInEmail.test(domain.replaceAll(joiners, '')) || /[^a-z0-9.\x80-\uffff-]/i.test(domain)) return undefined
  // UTS 46 has made `ss` of the capital `ẞ` until Unicode 15.1, and `ß` since: not all versions of Node agree.
  const ascii = domainToASCII(domain.replaceAll('ẞ', 'ß'))
  if (!mailDomain.test(ascii)) return undefined
  // Some versions let labels pass that no conversion produces, such as `xn--abc-`.
  return domainToASCII(domainToUnicode(ascii)) === ascii ? ascii : undefined
}

/** Why a user name cannot be chosen. */
export type UsernameFault = 'username_invalid' | 'username_mixed' | 'username_like_id'

/** Code points. */
const longestUsername = 64

/** The scripts in wide use (UAX 31 Table 5), by their names in Unicode. Latin has a list of its own, below. */
const scripts = (
  'Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Hebrew Kannada Khmer Lao Malayalam ' +
  'Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan'
).split(' ')
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
const notInUsername =
  /[\p{Default_Ignorable_Code_Point}\u0640\u07fa\u3031-\u3035\u303b\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]/u
/** Letters, digits, dots, hyphens and underscores: there is no `@`, so that a user name is never mistaken for an e-mail address. */
const usernameCharacters = new RegExp(`^[\\p{L}\\p{N}._-]{1,${longestUsername}}$`, 'u')

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
  if (username === undefined || notInUsername.test(username)) return { fault: 'username_invalid' }
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
  if (typed.length > 8 * longestUsername) return undefined
  const composed = typed.normalize('NFKC')
  const folded = isAscii(composed) ? composed : lowerCase(composed).normalize('NFKC')
  return usernameCharacters.test(folded) ? folded : undefined
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

/** What somebody typed to name an account, in the forms in which accounts are looked up by it. */
export interface TypedName {
  /** As it was typed. */
  readonly typed: string
  /**
   * What stored names are compared with, in `lower(… COLLATE "C")`: the canonical form. All spellings of one name have the same, so it also
   * names what nobody has, in limits. For a text that cannot be a name it is the text; that goes the same way as all others.
   */
  readonly key: string
  /** The same of the text as it was typed: some names from before there was a canonical form are stored as they were. */
  readonly spelled: string
}

/** @param typed a user name or an e-mail address, without white space around it */
export function typedName(typed: string): TypedName {
  const spelled = asciiLowerCase(typed)
  const canonical = /[@＠]/.test(typed) ? canonicalEmail(typed) : foldUsername(typed)
  const key = canonical === undefined ? spelled : asciiLowerCase(canonical)
  return { typed, key, spelled }
}

/** As PostgreSQL's `lower(… COLLATE "C")` does it: A to Z alone, whatever the locale of a database is. */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/**
 * Whether a canonical name is the one on record, which an earlier release has stored in another form. It is converted in its own time:
 * to store the canonical form here would be a change to another name.
 */
export function isStillToConvert(stored: string | undefined, canonical: string | undefined): boolean {
  if (stored === undefined || canonical === undefined) return false
  const { key, spelled } = typedName(stored)
  return key === asciiLowerCase(canonical) && key !== spelled
}
