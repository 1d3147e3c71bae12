import { type Command, Option } from 'commander'
import type { NewAccount } from '../operations/create-account.ts'
import type { AccountChanges } from '../operations/update-account.ts'
import type { Profile } from '../records/accounts/account.ts'
import { canonicalEmail } from '../records/accounts/canonical-names.ts'
import { canonicalProfile, readAddress } from '../records/accounts/profile-rules.ts'
import { WrongUsage } from './command-failures.ts'
import { addBooleanFlag, oneValue } from './flags.ts'

/** One flag for each standard claim of OpenID Connect Core §5.1. */
const claimFlags = (): { claim: Exclude<keyof Profile, 'address'>; option: Option }[] => [
  {
    claim: 'username',
    option: oneValue('--username <text>', 'user name, which can be used instead of the e-mail address to sign in'),
  },
  { claim: 'name', option: oneValue('--name <text>', 'full name') },
  { claim: 'given_name', option: oneValue('--given-name <text>', 'given name') },
  { claim: 'family_name', option: oneValue('--family-name <text>', 'family name') },
  { claim: 'middle_name', option: oneValue('--middle-name <text>', 'middle name') },
  { claim: 'nickname', option: oneValue('--nickname <text>', 'nickname') },
  { claim: 'profile', option: oneValue('--profile <url>', "URL of the user's profile page") },
  { claim: 'picture', option: oneValue('--picture <url>', 'URL of a picture of the user') },
  { claim: 'website', option: oneValue('--website <url>', "URL of the user's website") },
  { claim: 'gender', option: oneValue('--gender <text>', 'gender') },
  {
    claim: 'birthdate',
    option: oneValue('--birthdate <date>', 'date of birth: 1990-12-31, 0000-12-31 (no year) or 1990 (year only)'),
  },
  { claim: 'zoneinfo', option: oneValue('--zoneinfo <zone>', 'time zone, such as Europe/Paris') },
  { claim: 'locale', option: oneValue('--locale <tag>', 'language, such as de-CH') },
  { claim: 'phone_number', option: oneValue('--phone-number <number>', 'telephone number, such as +41441234567') },
]

/**
 * Adds the flags that describe a new account.
 *
 * @returns a function that reads and checks the given flags; it throws WrongUsage and InvalidProfile
 */
export function addUserFlags(command: Command): () => NewAccount {
  const claims = addClaimFlags(command, () =>
    command.addOption(new Option('--email-verified', 'mark the e-mail address as verified (you vouch for it)')),
  )
  return () => {
    const { email, ...profile } = claims(readAddress)
    const { emailVerified } = command.opts<{ emailVerified?: true }>()
    if (email === undefined && profile.username === undefined)
      throw new WrongUsage('Give --email, --username or both: a user needs one of them to sign in.')
    if (emailVerified && email === undefined) throw new WrongUsage('--email-verified requires --email.')
    const canonical = canonicalGiven({ email, ...profile })
    return { email: canonical.email, emailVerified: emailVerified ?? false, profile: canonical.profile }
  }
}

/**
 * Adds the same flags for changing an account; an empty value removes a claim.
 *
 * @returns a function that reads and checks the given flags; it throws WrongUsage and InvalidProfile
 */
export function addUserChangeFlags(command: Command): () => AccountChanges {
  const claims = addClaimFlags(command, () =>
    addBooleanFlag(command, 'email-verified', 'mark the e-mail address as verified (you vouch for it)'),
  )
  return () => {
    const given = claims((text) => (text === '' ? '' : readAddress(text)))
    const { emailVerified } = command.opts<{ emailVerified?: boolean }>()
    const values = Object.entries(given)
    if (values.length === 0 && emailVerified === undefined)
      throw new WrongUsage('Nothing to change: give at least one flag with a new value.')
    if (emailVerified && given.email === '')
      throw new WrongUsage('--email-verified requires an address, but --email is empty.')
    const { email, profile } = canonicalGiven(Object.fromEntries(values.filter(([, value]) => value !== '')))
    return {
      ...Object.fromEntries(values.filter(([, value]) => value === '').map(([claim]) => [claim, null])),
      ...profile,
      ...(email !== undefined && { email }),
      ...(emailVerified !== undefined && { email_verified: emailVerified }),
    }
  }
}

type Given<A> = { readonly [claim in Exclude<keyof Profile, 'address'>]?: string } & {
  readonly email?: string
  readonly address?: A
}

/** @returns a function that reads the given claims by name, unchecked except for the address, which `toAddress` parses */
function addClaimFlags(command: Command, addMark: () => unknown): <A>(toAddress: (text: string) => A) => Given<A> {
  const claims = claimFlags()
  command.addOption(oneValue('--email <address>', 'e-mail address'))
  addMark()
  for (const { option } of claims) command.addOption(option)
  command.addOption(
    oneValue(
      '--address <json>',
      'postal address: a JSON object with formatted, street_address, locality, region, postal_code, country',
    ),
  )
  return (toAddress) => {
    const given = command.opts<Record<string, string | undefined>>()
    const { email, address } = given
    const values = claims.flatMap(({ claim, option }) => {
      const value = given[option.attributeName()]
      return value === undefined ? [] : [[claim, value]]
    })
    return {
      ...(email !== undefined && { email }),
      ...Object.fromEntries(values),
      ...(address !== undefined && { address: toAddress(address) }),
    }
  }
}

/**
 * Checks names and claims before a database is started for them. The operations check them again.
 *
 * @returns the names in their canonical forms
 * @throws WrongUsage, InvalidProfile
 */
function canonicalGiven({ email: typed, ...profile }: Profile & { readonly email?: string | undefined }) {
  const email = typed === undefined ? undefined : canonicalEmail(typed.trim())
  if (typed !== undefined && email === undefined) throw invalidEmail()
  return { email, profile: canonicalProfile(profile) }
}

export function invalidEmail(): WrongUsage {
  return new WrongUsage('--email must be an e-mail address.')
}
