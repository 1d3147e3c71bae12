import { domainToUnicode } from 'node:url'
import { asciiMailDomain, notInEmail } from '../../platform/mail-domain.ts'

/** Maximum octets of an address and of its local part (RFC 5321 §4.5.3.1.3 and §4.5.3.1.1). */
const [maxAddressOctets, maxLocalPartOctets] = [254, 64]
/** Maximum UTF-16 code units of the input: each character of a domain in Unicode takes at least an octet in Punycode, even if it was decomposed. */
const maxTypedLength = 1024

/**
 * The canonical form, in which e-mail addresses are stored: NFC (RFC 6532 §3.1), with the domain as in DNS, in ASCII and lower case (UTS 46).
 * Browsers send the same internationalised address as Punycode from `type=email` and in Unicode from other fields; both have the same canonical
 * form. The local part keeps its case, because mail systems may distinguish it. Two addresses are the same if `asciiLowerCase` of their canonical
 * forms is equal.
 *
 * @param typed the input, without surrounding white space. A full-width `＠` counts as `@`: input methods for Japanese and Chinese produce it
 * @returns undefined if the input is not an address. Whether the address exists can only be verified by sending a mail
 */
export function canonicalEmail(typed: string): string | undefined {
  if (typed.length > maxTypedLength) return undefined
  const [local, domain, ...rest] = typed.normalize('NFC').replaceAll('＠', '@').split('@')
  if (!local || !domain || rest.length > 0) return undefined
  if (notInEmail.test(local) || /^\p{M}/u.test(local)) return undefined
  const ascii = asciiMailDomain(domain)
  if (ascii === undefined) return undefined
  const email = `${local}@${ascii}`
  const fits = Buffer.byteLength(local) <= maxLocalPartOctets && Buffer.byteLength(email) <= maxAddressOctets
  return fits ? email : undefined
}

/** The address with its domain in Unicode, as its owner may write it. */
export function emailInUnicode(email: string): string {
  const [local, domain] = email.split('@')
  return domain === undefined ? email : `${local}@${domainToUnicode(domain) || domain}`
}

/** Why a user name is not allowed. */
export type UsernameFault = 'username_invalid' | 'username_mixed' | 'username_like_id'

/** Code points. */
const maxUsernameLength = 64

/** The scripts in wide use (UAX 31 Table 5), by their Unicode names. For Latin there is a separate list below. */
const scripts = (
  'Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Hebrew Kannada Khmer Lao Malayalam ' +
  'Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan'
).split(' ')
/** UTS 39 §5.1: Chinese with Bopomofo, Japanese and Korean use several scripts each. */
const writtenTogether = [
  ['Han', 'Bopomofo'],
  ['Han', 'Hiragana', 'Katakana'],
  ['Han', 'Hangul'],
]
/**
 * The Latin letters that alphabets of languages use. Excludes phonetic symbols such as `ɑ` and `ɡ`, which look like `a` and `g`, and the click
 * letters (Lo), which look like `l` and `!`.
 */
const latin = '(?!\\p{Lo})[a-zA-Z\\u00c0-\\u024f\\u1e00-\\u1effɓɔɖɗəɛɠɣɨɩɲʃʈʉʊʋʌʒ]'

/**
 * The characters of a user name in each writing system. Letters and digits belong to it by their Script_Extensions (UTS 39 §5.1: the resolved
 * script set is not empty). ASCII digits and punctuation, and the two apostrophes that are letters, belong to all.
 */
const writingSystems = [
  latin,
  ...[...scripts.map((script) => [script]), ...writtenTogether].map(
    (together) => `(?=[\\p{L}\\p{Nd}])[${together.map((script) => `\\p{scx=${script}}`).join('')}]`,
  ),
].map((own) => new RegExp(`^(?:[0-9._\\u02bb\\u02bc-]|${own})*$`, 'u'))

/** Letters that are invisible, that only lengthen or repeat others (RFC 5892 §2.6), or that are parts of precomposed syllables. */
const notInUsername =
  /[\p{Default_Ignorable_Code_Point}\u0640\u07fa\u3031-\u3035\u303b\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]/u
/** Letters, digits, dots, hyphens and underscores. `@` is excluded, so that a user name is never mistaken for an e-mail address. */
const usernameCharacters = new RegExp(`^[\\p{L}\\p{N}._-]{1,${maxUsernameLength}}$`, 'u')

const rightToLeft = /[\p{scx=Arab}\p{scx=Hebr}\p{scx=Thaa}]/u
/** The form of an ID: a `sub` is 16 random octets in base64url; other systems use UUIDs. Commands and logs treat both as IDs. */
const likeId = /^(?:[\w-]{22}|[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12})$/i

/**
 * Reads a new user name. Its canonical form, in which it is stored, is NFKC, and in lower case unless it is all ASCII (RFC 8265 §3.3,
 * UsernameCaseMapped). ASCII names keep their case, because every database compares them the same way under `COLLATE "C"`. `Émile` becomes `émile`.
 * Two names are the same if `asciiLowerCase` of their canonical forms is equal.
 *
 * @param typed the input, without surrounding white space
 * @returns the canonical name, or why it is not allowed
 */
export function readUsername(typed: string): { readonly username: string } | { readonly fault: UsernameFault } {
  const username = foldUsername(typed)
  if (username === undefined || notInUsername.test(username)) return { fault: 'username_invalid' }
  if (isLikeId(username)) return { fault: 'username_like_id' }
  // Phonetic symbols and non-decimal digits do not belong to any writing system.
  if (!/^[\p{L}\p{Nd}._-]*$/u.test(username)) return { fault: 'username_invalid' }
  if (!writingSystems.some((system) => system.test(username)) || hasTwoKindsOfDigits(username))
    return { fault: 'username_mixed' }
  // RFC 5893 §2, rules 1 to 3: with a digit or a hyphen at the beginning or end, it would look like another name.
  if (rightToLeft.test(username) && !/^\p{L}(?:.*[\p{L}\p{Nd}])?$/u.test(username)) return { fault: 'username_invalid' }
  return { username }
}

/**
 * The canonical form, whether or not the name is allowed today. It is used to find existing names, which were chosen under older rules.
 *
 * @returns undefined if the input was never a valid user name
 */
export function foldUsername(typed: string): string | undefined {
  // A ligature becomes up to 18 letters, and a letter with marks may have been typed as several code points.
  if (typed.length > 8 * maxUsernameLength) return undefined
  const composed = typed.normalize('NFKC')
  const folded = isAscii(composed) ? composed : lowerCase(composed).normalize('NFKC')
  return usernameCharacters.test(folded) ? folded : undefined
}

/**
 * The small sigma has two forms. The result depends on the position in the word, not on which form was typed. `İ` becomes `i`, as in Turkish;
 * JavaScript would add a combining dot above the `i`.
 */
function lowerCase(text: string): string {
  return text.replace(/[σς]/g, 'Σ').replaceAll('İ', 'i').toLowerCase()
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text)
}

/** UTS 39 §5.3: digits of two decimal systems, such as Arabic and Persian, some of which look alike. */
function hasTwoKindsOfDigits(name: string): boolean {
  const zeros = (name.match(/\p{Nd}/gu) ?? []).map((digit) => zeroOf(digit.codePointAt(0) ?? 0))
  return new Set(zeros).size > 1
}

/** The digit zero of the system that a digit belongs to. The ten digits of a system are consecutive, and some systems directly follow another. */
function zeroOf(codePoint: number): number {
  let first = codePoint
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--
  return codePoint - ((codePoint - first) % 10)
}

/** Whether a text has the form of an ID, which no new user name can have. */
export function isLikeId(text: string): boolean {
  return likeId.test(text)
}

/** A typed name, in the forms by which accounts are looked up. */
export interface TypedName {
  /** As it was typed. */
  readonly typed: string
  /**
   * The canonical form, folded like `lower(… COLLATE "C")`, for comparison with stored names. All spellings of a name have the same key, so limits
   * use it for names that no account has. If the input cannot be a name, the key is the input itself, and it is processed like any other.
   */
  readonly key: string
  /** The input as it was typed, folded in the same way: some names that are older than the canonical form are stored as they were typed. */
  readonly spelled: string
}

/** @param typed a user name or an e-mail address, without surrounding white space */
export function typedName(typed: string): TypedName {
  const spelled = asciiLowerCase(typed)
  const canonical = /[@＠]/.test(typed) ? canonicalEmail(typed) : foldUsername(typed)
  const key = canonical === undefined ? spelled : asciiLowerCase(canonical)
  return { typed, key, spelled }
}

/** Whether two stored names are the same, in whatever spelling. Undefined stands for no name. */
export function isSameName(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined ? one === other : typedName(one).key === typedName(other).key
}

/** Like PostgreSQL's `lower(… COLLATE "C")`: folds only A to Z, in every locale of the database. */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/**
 * Whether a canonical name is the same as the stored one, which an earlier release stored in another form. It will be converted later; storing the
 * canonical form now would count as a change to another name.
 */
export function isPendingConversion(stored: string | undefined, canonical: string | undefined): boolean {
  if (stored === undefined || canonical === undefined) return false
  const { key, spelled } = typedName(stored)
  return key === asciiLowerCase(canonical) && key !== spelled
}
