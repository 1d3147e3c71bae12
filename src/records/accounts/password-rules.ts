import type { Settings } from '../../platform/config/settings.ts'
import { once } from '../../platform/shared-work.ts'
import type { Profile } from './account.ts'
import { emailInUnicode } from './canonical-names.ts'
import { needsSecondFactor } from './factors.ts'
import { isPattern, sourcesOf } from './predictable-text.ts'

export type PasswordFault =
  | 'password_too_short'
  | 'password_too_long'
  | 'password_personal'
  | 'password_service'
  | 'password_pattern'
  | 'password_common'
  | 'password_breached'

/** The names of the person whose password it is, as far as they are known. */
export type PersonsNames = {
  readonly [claim in 'username' | 'name' | 'given_name' | 'middle_name' | 'family_name' | 'nickname']?:
    | Profile[claim]
    | undefined
} & { readonly email?: string | undefined }

/** The maximum length of a password. NIST SP 800-63B-4 §3.1.1.2 requires at least 64. */
const maxLength = 256

/**
 * The form in which a password is checked and hashed: the same password typed on two keyboards can arrive as different code points (NIST
 * SP 800-63B-4 §3.1.1.2).
 */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC')
}

/** The minimum length of a password that never signs in alone. */
const minLengthWithFactor = 8

/**
 * The minimum length of a new password, in code points. NIST SP 800-63B-4 §3.1.1.2: at least 15 for a password "used as a single-factor
 * authentication mechanism", at least 8 for one that is "only used as part of multi-factor authentication". Rules and pages get the minimum from here.
 *
 * @param kinds of all credentials that the account has once the password is set
 */
export function minLengthFor(
  settings: Pick<Settings, 'passwordMinLength' | 'secondFactor'>,
  kinds: readonly string[],
): number {
  const { passwordMinLength } = settings
  return needsSecondFactor(settings, kinds) ? Math.min(minLengthWithFactor, passwordMinLength) : passwordMinLength
}

/** Whether a password is too short to be the only factor. Then the last second factor cannot be removed before the password is changed. */
export function isShortPassword(password: string, { passwordMinLength }: Pick<Settings, 'passwordMinLength'>): boolean {
  return [...shortestForm(password)].length < passwordMinLength
}

/**
 * What is wrong with the length of a new password, if anything: the fast part of `passwordFault`.
 *
 * @param minLength see `minLengthFor`
 */
export function passwordLengthFault(
  password: string,
  minLength: number,
): 'password_too_short' | 'password_too_long' | undefined {
  const { length } = [...shortestForm(password)]
  if (length < minLength) return 'password_too_short'
  return length > maxLength ? 'password_too_long' : undefined
}

/**
 * What is wrong with a new password, if anything, by NIST SP 800-63B-4 §3.1.1.2: its length, or that attackers would try it first.
 *
 * "The entire password SHALL be subject to comparison, not substrings or words that might be contained therein". So a password is refused only if
 * all of it is a listed word, a name of the person or of this service, or one short pattern repeated. Words and names also count if they are
 * repeated or have digits added ("context-specific words [...] and derivatives thereof"). There are no composition rules, and a passphrase that
 * contains such a word is accepted. Each kind has its own fault, because the same section requires that the reason is given.
 *
 * The same section also names passwords "obtained from previous breach corpuses": see breached-passwords.ts, which asks another server and
 * therefore comes last.
 *
 * @param service its names are not accepted as passwords
 * @param person the names of the person whose password it is
 * @param minLength see `minLengthFor`
 */
export async function passwordFault(
  password: string,
  service: Pick<Settings, 'issuer'> & Partial<Pick<Settings, 'name'>>,
  person: PersonsNames,
  minLength: number,
): Promise<PasswordFault | undefined> {
  const lengthFault = passwordLengthFault(password, minLength)
  if (lengthFault) return lengthFault
  const written = shortestForm(password)
  const listed = await listedWords()
  const isListed = (text: string) => listed.has(text)
  const isExpected = (digits: string) => isListed(digits) || isPattern(digits)
  const normalized = folded(password)
  const names = sourcesOf(withoutSeparators(normalized), isExpected)
  if (intersect(names, personalWords(person))) return 'password_personal'
  if (intersect(names, serviceWords(service))) return 'password_service'
  // NFKC can turn a short pattern into a longer one.
  if (isPattern(normalized) || isPattern(written)) return 'password_pattern'
  return [...sourcesOf(normalized, isExpected)].some(isListed) ? 'password_common' : undefined
}

/**
 * Whether a password is one of these names, also repeated or with digits added. This is for names that are chosen after the password: a new name
 * must not equal the password.
 */
export async function isNamedAfter(password: string, names: PersonsNames): Promise<boolean> {
  const listed = await listedWords()
  const isExpected = (digits: string) => listed.has(digits) || isPattern(digits)
  return intersect(sourcesOf(withoutSeparators(folded(password)), isExpected), personalWords(names))
}

/**
 * The form in which the length of a password is counted. NIST SP 800-63B-4 §3.1.1.2: "each Unicode code point SHALL be counted as a single
 * character", so it is counted before NFKC, which turns U+FDFA into eighteen characters. A letter with a separately typed accent counts as the one
 * character that it is when composed. Otherwise six letters would count as twelve on some keyboards.
 */
function shortestForm(password: string): string {
  const composed = password.normalize('NFC')
  return [...composed].length < [...password].length ? composed : password
}

/** All names of the person, including the part of the address before the @. */
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

/** The product, the name of the installation, the URL of the issuer, and the names in its host, such as `id.example.com`, `example.com` and `example`. */
function serviceWords({ issuer, name = '' }: { readonly issuer: string; readonly name?: string }) {
  const { host, hostname } = new URL(issuer)
  const labels = hostname.split('.')
  const suffixes = labels.map((_, index) => labels.slice(index).join('.'))
  const suffixNames = suffixes.slice(0, Math.max(1, labels.length - 1))
  return wordsOf(['signet', name, ...name.split(/\s+/), issuer, host, ...suffixNames, ...labels.slice(0, -1)])
}

/** The words in the form in which they are compared. Words of two letters are left out: initials with a date would match too many passwords. */
function wordsOf(words: readonly (string | undefined)[]): ReadonlySet<string> {
  const comparable = words.map((word) => withoutSeparators(folded(word ?? '')))
  return new Set(comparable.filter((word) => [...word].length > 2))
}

/** In lower case, with `ß` equal to `SS` and the two small sigmas equal. */
function folded(text: string): string {
  return normalizePassword(text).toUpperCase().toLowerCase().replaceAll('ς', 'σ')
}

/** Without accents and without the separators in names and addresses, because people type their names in many ways. */
function withoutSeparators(text: string): string {
  return text.normalize('NFKD').replace(/[\s\p{Pd}\p{Pc}\p{M}.,'’@+:/]/gu, '')
}

function intersect(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...others].some((word) => some.has(word))
}

/** Common passwords, names and words. Loaded when the first password is set, because the list is large and many processes never need it. */
const listedWords = once(async (): Promise<ReadonlySet<string>> => {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set([...dictionary['passwords-common'], ...dictionary['diceware-common']])
})
