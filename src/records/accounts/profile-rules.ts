import { parseJsonObject } from '#verify/strict-json'
import { isLanguageTag, isPlainText, longestName, shown } from '../plain-text.ts'
import type { Address, Profile } from './account.ts'
import { readUsername, type UsernameFault } from './canonical-names.ts'

/** A claim that cannot be kept; a plain sentence says why. */
export class InvalidProfile extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvalidProfile'
  }
}

const longestLine = 1000 // characters

/**
 * Checks what an account is to hold of a person: applications get it as it stands, so it must be what OpenID Connect Core §5.1
 * says it is.
 *
 * @throws InvalidProfile for the first fault found
 */
export function checkProfile(profile: Omit<Profile, 'username'>): void {
  for (const [claim, check] of Object.entries(rules) as [keyof typeof rules, Rule][]) {
    const value = profile[claim]
    if (value !== undefined && !check.fits(value))
      throw new InvalidProfile(`The ${claim} '${shown(value)}' cannot be kept: it takes ${check.takes}.`)
  }
}

/**
 * Checks a profile, and gives it back with the user name in its canonical form.
 *
 * @throws InvalidProfile for the first fault found
 */
export function canonicalProfile({ username: typed, ...description }: Profile): Profile {
  checkProfile(description)
  if (typed === undefined) return description
  const read = readUsername(typed.trim())
  if ('fault' in read)
    throw new InvalidProfile(`The username '${shown(typed)}' cannot be kept: ${usernameFaults[read.fault]}.`)
  return { username: read.username, ...description }
}

const usernameFaults: Readonly<Record<UsernameFault, string>> = {
  username_invalid: 'it takes 1 to 64 letters, digits, dots, hyphens and underscores',
  username_mixed: 'its letters and digits must be of one writing system',
  username_like_id: 'it has the form of an id, such as a sub or a UUID',
}

/**
 * Reads an address claim (OpenID Connect Core §5.1.1) from JSON.
 *
 * @throws InvalidProfile where the text is not JSON, is nested too deeply, or has other members than those of §5.1.1
 */
export function readAddress(json: string): Address {
  let members: [string, unknown][]
  try {
    members = Object.entries(parseJsonObject(json))
  } catch (error) {
    throw new InvalidProfile(`The address must be a JSON object: ${error instanceof Error ? error.message : error}.`)
  }
  if (members.length === 0)
    throw new InvalidProfile(`The address is empty; its members are ${addressMembers.join(', ')}.`)
  for (const [name, member] of members) {
    if (!(addressMembers as readonly string[]).includes(name))
      throw new InvalidProfile(`The address has '${shown(name)}'; its members are ${addressMembers.join(', ')}.`)
    if (typeof member !== 'string' || !isPlainText(severalLines.has(name) ? inOneLine(member) : member, longestLine))
      throw new InvalidProfile(`The address member ${name} must be a text of up to ${longestLine} characters.`)
  }
  return Object.fromEntries(members) as Address
}

const addressMembers = [
  'formatted',
  'street_address',
  'locality',
  'region',
  'postal_code',
  'country',
] as const satisfies readonly (keyof Address)[]

/** §5.1.1 lets these have several lines, and no others. */
const severalLines: ReadonlySet<string> = new Set<keyof Address>(['formatted', 'street_address'])

function inOneLine(text: string): string {
  return text.replaceAll(/\r?\n/g, ' ')
}

interface Rule {
  /** The end of a sentence that begins with "it takes". */
  readonly takes: string
  fits(value: string): boolean
}

const name: Rule = {
  takes: `1 to ${longestName} characters, without control characters`,
  fits: (value) => isPlainText(value, longestName),
}

/** Applications make links of these: nothing that a browser would run. */
const webAddress: Rule = {
  takes: 'an https or http URL',
  fits: (value) => value.length <= 2000 && /^https?:\/\/[\x21-\x7e]+$/.test(value) && URL.canParse(value),
}

const rules: { readonly [claim in Exclude<keyof Profile, 'address' | 'username'>]-?: Rule } = {
  name,
  given_name: name,
  family_name: name,
  middle_name: name,
  nickname: name,
  profile: webAddress,
  picture: webAddress,
  website: webAddress,
  gender: name,
  birthdate: { takes: 'a date such as 1990-12-31, 0000-12-31 without the year, or 1990', fits: isBirthdate },
  zoneinfo: { takes: 'a name of the time zone database, such as Europe/Paris', fits: isTimeZone },
  locale: { takes: 'a language tag such as de-CH (RFC 5646)', fits: isLanguageTag },
  phone_number: {
    takes: 'a number such as +41441234567 (E.164)',
    fits: (value) => /^\+[1-9][0-9 ().;=a-z-]{3,40}$/.test(value),
  },
}

/** ISO 8601-1 as §5.1 narrows it: YYYY-MM-DD, the year 0000 where it is not told, or the year alone. */
function isBirthdate(value: string): boolean {
  if (/^[1-9]\d{3}$/.test(value)) return true
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value) ?? []
  if (!year) return false
  // A year of 0000 may have a 29th of February: 2000 has one.
  const date = new Date(Date.UTC(year === '0000' ? 2000 : Number(year), Number(month) - 1, Number(day)))
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
}

function isTimeZone(value: string): boolean {
  // An offset such as +02:00 is a time zone to JavaScript, but no name.
  if (!/^[A-Za-z]/.test(value)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
