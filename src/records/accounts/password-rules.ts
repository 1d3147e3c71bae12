import type { Settings } from '../../platform/config/settings.ts'
import { once } from '../../platform/shared-work.ts'
import type { Profile } from './account.ts'
import { emailInUnicode } from './canonical-names.ts'
import { isPattern, sourcesOf } from './predictable-text.ts'

export type PasswordFault =
  | 'password_too_short'
  | 'password_too_long'
  | 'password_personal'
  | 'password_service'
  | 'password_pattern'
  | 'password_common'

/** What is known of the person whose password it will be, as far as it is known. */
export type PersonsNames = {
  readonly [claim in 'username' | 'name' | 'given_name' | 'middle_name' | 'family_name' | 'nickname']?:
    | Profile[claim]
    | undefined
} & { readonly email?: string | undefined }

/** A bound on what is hashed. NIST SP 800-63B-4 §3.1.1.2 asks for at least 64. */
const maxLength = 256

/**
 * The form in which a password is judged and hashed: the same one typed on two keyboards can arrive as different code points (NIST
 * SP 800-63B-4 §3.1.1.2).
 */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC')
}

/** What is wrong with the length of a new password: the part of `passwordFault` that costs nothing. */
export function passwordLengthFault(
  password: string,
  { passwordMinLength }: Pick<Settings, 'passwordMinLength'>,
): 'password_too_short' | 'password_too_long' | undefined {
  const { length } = [...shortestForm(password)]
  if (length < passwordMinLength) return 'password_too_short'
  return length > maxLength ? 'password_too_long' : undefined
}

/**
 * What is wrong with a new password, by NIST SP 800-63B-4 §3.1.1.2: its length, or that it is among those that are tried first.
 * "The entire password SHALL be subject to comparison, not substrings or words that might be contained therein": so it is refused
 * only if the whole of it is a listed word, a name of the person or of this service ("context-specific words [...] and derivatives
 * thereof": repeated, or with digits added), or one short pattern over and over. There are no rules of composition, and a passphrase
 * with such a word in it is welcome. There is one fault for each kind, because the same section demands that the reason is told.
 *
 * @param settings `passwordMinLength` in code points; the `issuer`, whose name is no password
 * @param person whose password it will be
 */
export async function passwordFault(
  password: string,
  settings: Pick<Settings, 'passwordMinLength' | 'issuer'>,
  person: PersonsNames,
): Promise<PasswordFault | undefined> {
  const lengthFault = passwordLengthFault(password, settings)
  if (lengthFault) return lengthFault
  const written = shortestForm(password)
  const listed = await listedWords()
  const isListed = (text: string) => listed.has(text)
  const isExpected = (digits: string) => isListed(digits) || isPattern(digits)
  const normalized = folded(password)
  const names = sourcesOf(joined(normalized), isExpected)
  if (meet(names, personalWords(person))) return 'password_personal'
  if (meet(names, serviceWords(settings.issuer))) return 'password_service'
  // NFKC can make a longer pattern of a short one.
  if (isPattern(normalized) || isPattern(written)) return 'password_pattern'
  return [...sourcesOf(normalized, isExpected)].some(isListed) ? 'password_common' : undefined
}

/**
 * Whether a password is one of these names, also repeated or with digits added. For names that are chosen after the password: they
 * must not come to be what it is.
 */
export async function isNamedAfter(password: string, names: PersonsNames): Promise<boolean> {
  const listed = await listedWords()
  const isExpected = (digits: string) => listed.has(digits) || isPattern(digits)
  return meet(sourcesOf(joined(folded(password)), isExpected), personalWords(names))
}

/**
 * The password as it is counted. §3.1.1.2: "each Unicode code point SHALL be counted as a single character", and so before NFKC makes
 * several of one: U+FDFA becomes eighteen. A letter whose accent was typed apart counts as the one character that it is when
 * composed; else six letters would be twelve on some keyboards.
 */
function shortestForm(password: string): string {
  const composed = password.normalize('NFC')
  return [...composed].length < [...password].length ? composed : password
}

/** Everything that the person is called. Of an address the part before the @ is a name as well. */
function personalWords({ email, username, name, given_name, middle_name, family_name, nickname }: PersonsNames) {
  const [local = ''] = email?.split('@') ?? []
  const fullName = [given_name, middle_name, family_name].filter((part) => part !== undefined).join(' ')
  const names = [name, given_name, middle_name, family_name, nickname, fullName].filter((part) => part !== undefined)
  const parts = names.map((whole) => whole.split(/[\s\p{Pd},]+/u))
  return wordsOf([
    ...[email, email && emailInUnicode(email), username, local, local.split('+')[0], ...names],
    ...parts.flat(),
    ...parts.map((ordered) => ordered.toReversed().join('')),
    ...parts.flatMap((ordered) => [`${ordered[0]}${ordered.at(-1)}`, `${ordered.at(-1)}${ordered[0]}`]),
  ])
}

/** The product, the issuer's address, and the names in its host: of `id.example.com` these are the whole, `example.com` and `example`. */
function serviceWords(issuer: string) {
  const { host, hostname } = new URL(issuer)
  const labels = hostname.split('.')
  const suffixes = labels.map((_, index) => labels.slice(index).join('.'))
  return wordsOf(['signet', issuer, host, ...suffixes.slice(0, Math.max(1, labels.length - 1)), ...labels.slice(0, -1)])
}

/** Words in the form in which they are compared. Two letters are no word: initials with a date would hit many. */
function wordsOf(words: readonly (string | undefined)[]): ReadonlySet<string> {
  const comparable = words.map((word) => joined(folded(word ?? '')))
  return new Set(comparable.filter((word) => [...word].length > 2))
}

/** In lower case, and so that `ß` and `SS`, or the two small sigmas, are the same. */
function folded(text: string): string {
  return normalizePassword(text).toUpperCase().toLowerCase().replaceAll('ς', 'σ')
}

/** Without the marks that join the parts of names and addresses, and without accents: people type their names in many ways. */
function joined(text: string): string {
  return text.normalize('NFKD').replace(/[\s\p{Pd}\p{Pc}\p{M}.,'’@+:/]/gu, '')
}

function meet(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...others].some((word) => some.has(word))
}

/** Common passwords and names, and words. Read when the first password is set: the list is large, and most starts never need it. */
const listedWords = once(async (): Promise<ReadonlySet<string>> => {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set([...dictionary['passwords-common'], ...dictionary['diceware-common']])
})
