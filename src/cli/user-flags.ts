import { type Command, Option } from 'commander'
import type { NewAccount } from '../operations/create-account.ts'
import type { AccountChanges } from '../operations/update-account.ts'
import type { Profile } from '../records/accounts/account.ts'
import { canonicalEmail } from '../records/accounts/canonical-names.ts'
import { canonicalProfile, readAddress } from '../records/accounts/profile-rules.ts'
import { WrongUsage } from './command-failures.ts'
import { addEitherWay, oneValue } from './flags.ts'

/** The standard claims of OpenID Connect Core §5.1, each a flag. */
const claimFlags = (): { claim: Exclude<keyof Profile, 'address'>; option: Option }[] => [
  {
    claim: 'username',
    option: oneValue('--username <text>', 'what the person signs in with beside the e-mail address'),
  },
  { claim: 'name', option: oneValue('--name <text>', 'the full name') },
  { claim: 'given_name', option: oneValue('--given-name <text>', 'the given name') },
  { claim: 'family_name', option: oneValue('--family-name <text>', 'the family name') },
  { claim: 'middle_name', option: oneValue('--middle-name <text>', 'the middle name') },
  { claim: 'nickname', option: oneValue('--nickname <text>', 'what friends call the person') },
  { claim: 'profile', option: oneValue('--profile <url>', 'a page about the person') },
  { claim: 'picture', option: oneValue('--picture <url>', 'a picture of the person') },
  { claim: 'website', option: oneValue('--website <url>', "the person's own site") },
  { claim: 'gender', option: oneValue('--gender <text>', 'the gender') },
  { claim: 'birthdate', option: oneValue('--birthdate <date>', 'the birthday: 1990-12-31, 0000-12-31 or 1990') },
  { claim: 'zoneinfo', option: oneValue('--zoneinfo <zone>', 'the time zone, such as Europe/Paris') },
  { claim: 'locale', option: oneValue('--locale <tag>', 'the language, such as de-CH') },
  { claim: 'phone_number', option: oneValue('--phone-number <number>', 'the telephone number, such as +41441234567') },
]

/**
 * Gives a command the flags of what an account holds of a person.
 *
 * @returns reads and checks what was given; throws WrongUsage and InvalidProfile
 */
export function addUserFlags(command: Command): () => NewAccount {
  const claims = addClaimFlags(command, () =>
    command.addOption(new Option('--email-verified', 'you vouch that the address is the person’s')),
  )
  return () => {
    const { email, ...profile } = claims(readAddress)
    const { emailVerified } = command.opts<{ emailVerified?: true }>()
    if (email === undefined && profile.username === undefined)
      throw new WrongUsage('Give --email, --username or both: what the person signs in with.')
    if (emailVerified && email === undefined) throw new WrongUsage('--email-verified goes with --email.')
    const canonical = canonicalGiven({ email, ...profile })
    return { email: canonical.email, emailVerified: emailVerified ?? false, profile: canonical.profile }
  }
}

/**
 * Gives a command the same flags to change an account with; an empty value takes one away.
 *
 * @returns reads and checks what was given; throws WrongUsage and InvalidProfile
 */
export function addUserChangeFlags(command: Command): () => AccountChanges {
  const claims = addClaimFlags(command, () =>
    addEitherWay(command, 'email-verified', 'you vouch that the address is the person’s'),
  )
  return () => {
    const given = claims((text) => (text === '' ? '' : readAddress(text)))
    const { emailVerified } = command.opts<{ emailVerified?: boolean }>()
    const values = Object.entries(given)
    if (values.length === 0 && emailVerified === undefined) throw new WrongUsage('Nothing to change is given.')
    if (emailVerified && given.email === '') throw new WrongUsage('--email-verified goes with an address.')
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

/** @returns what was given of all claims, by their names and unchecked but for the address, which `toAddress` reads */
function addClaimFlags(command: Command, addMark: () => unknown): <A>(toAddress: (text: string) => A) => Given<A> {
  const claims = claimFlags()
  command.addOption(oneValue('--email <address>', 'the e-mail address'))
  addMark()
  for (const { option } of claims) command.addOption(option)
  command.addOption(
    oneValue(
      '--address <json>',
      'the postal address: a JSON object of formatted, street_address, locality, region, postal_code, country',
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
 * Checks the names and claims of a person, before a database is started for them. The operations do the same.
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
  return new WrongUsage('--email takes an e-mail address.')
}
