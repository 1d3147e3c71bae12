import { parseJsonObject } from '#verify/strict-json'
import { isLanguageTag, isPlainText, maxNameLength, shown } from '../plain-text.ts'
import type { Address, Profile } from './account.ts'
import { readUsername, type UsernameFault } from './canonical-names.ts'

/** A claim that cannot be stored. The message explains why. */
export class InvalidProfile extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvalidProfile'
  }
}

const maxLineLength = 1000 // characters

/**
 * Checks the data about a person. Applications receive it unchanged, so it must have the formats of OpenID Connect Core §5.1.
 *
 * @throws InvalidProfile for the first fault found
 */
export function checkProfile(profile: Omit<Profile, 'username'>): void {
  for (const [claim, check] of Object.entries(rules) as [keyof typeof rules, Rule][]) {
    const value = profile[claim]
    if (value !== undefined && !check.fits(value))
      throw new InvalidProfile(`The ${claim} '${shown(value)}' is not valid: it must be ${check.expected}.`)
  }
}

/**
 * Checks a profile, and returns it with the user name in canonical form.
 *
 * @throws InvalidProfile for the first fault found
 */
export function canonicalProfile({ username: typed, ...description }: Profile): Profile {
  checkProfile(description)
  if (typed === undefined) return description
  const read = readUsername(typed.trim())
  if ('fault' in read)
    throw new InvalidProfile(`The username '${shown(typed)}' is not valid: ${usernameFaults[read.fault]}.`)
  return { username: read.username, ...description }
}

const usernameFaults: Readonly<Record<UsernameFault, string>> = {
  username_invalid: 'it must be 1 to 64 letters, digits, dots, hyphens and underscores',
  username_mixed: 'its letters and digits must belong to one writing system',
  username_like_id: 'it has the form of an ID, such as a sub or a UUID',
}

/**
 * Reads an address claim (OpenID Connect Core §5.1.1) from JSON.
 *
 * @throws InvalidProfile if the text is not JSON, is nested too deeply, or has members other than those of §5.1.1
 */
export function readAddress(json: string): Address {
  let members: [string, unknown][]
  try {
    members = Object.entries(parseJsonObject(json))
  } catch (error) {
    throw new InvalidProfile(`The address must be a JSON object: ${error instanceof Error ? error.message : error}.`)
  }
  if (members.length === 0)
    throw new InvalidProfile(`The address is empty; its members can be ${addressMembers.join(', ')}.`)
  for (const [name, member] of members) {
    if (!(addressMembers as readonly string[]).includes(name))
      throw new InvalidProfile(
        `The address has the unknown member '${shown(name)}'; its members can be ${addressMembers.join(', ')}.`,
      )
    if (typeof member !== 'string' || !isPlainText(severalLines.has(name) ? inOneLine(member) : member, maxLineLength))
      throw new InvalidProfile(`The address member ${name} must be a string of at most ${maxLineLength} characters.`)
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

/** §5.1.1 allows several lines in these members only. */
const severalLines: ReadonlySet<string> = new Set<keyof Address>(['formatted', 'street_address'])

function inOneLine(text: string): string {
  return text.replaceAll(/\r?\n/g, ' ')
}

interface Rule {
  /** The end of a sentence that begins with "it must be". */
  readonly expected: string
  fits(value: string): boolean
}

const name: Rule = {
  expected: `1 to ${maxNameLength} characters, without control characters`,
  fits: (value) => isPlainText(value, maxNameLength),
}

/** Applications turn these into links, so they must not be anything that a browser would execute. */
const webAddress: Rule = {
  expected: 'an https or http URL',
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
  birthdate: { expected: 'a date such as 1990-12-31, 0000-12-31 without the year, or 1990', fits: isBirthdate },
  zoneinfo: { expected: 'a name of the time zone database, such as Europe/Paris', fits: isTimeZone },
  locale: { expected: 'a language tag such as de-CH (RFC 5646)', fits: isLanguageTag },
  phone_number: {
    expected: 'a number such as +41441234567 (E.164)',
    fits: (value) => /^\+[1-9][0-9 ().;=a-z-]{3,40}$/.test(value),
  },
}

/** ISO 8601-1, restricted as in §5.1: YYYY-MM-DD, with the year 0000 if it is omitted, or the year only. */
function isBirthdate(value: string): boolean {
  if (/^[1-9]\d{3}$/.test(value)) return true
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value) ?? []
  if (!year) return false
  // The year 0000 may have a 29th of February, so it is checked as 2000, which has one.
  const date = new Date(Date.UTC(year === '0000' ? 2000 : Number(year), Number(month) - 1, Number(day)))
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
}

function isTimeZone(value: string): boolean {
  // JavaScript accepts an offset such as +02:00 as a time zone, but it is not a name.
  if (!/^[A-Za-z]/.test(value)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
