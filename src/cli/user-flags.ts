import { type Command, Option } from 'commander'
import type { Profile } from '../records/accounts/account.ts'
import { canonicalEmail } from '../records/accounts/canonical-email.ts'
import { canonicalProfile, readAddress } from '../records/accounts/profile-rules.ts'
import { WrongUsage } from './failures.ts'
import { oneValue } from './flags.ts'

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

export interface NewUser {
  readonly email: string | undefined
  readonly emailVerified: boolean
  readonly profile: Profile
}

/**
 * Gives a command the flags of what an account holds of a person.
 *
 * @returns reads and checks what was given, with names in their canonical forms; throws WrongUsage and InvalidProfile
 */
export function addUserFlags(command: Command): () => NewUser {
  const claims = claimFlags()
  command
    .addOption(oneValue('--email <address>', 'the e-mail address'))
    .addOption(new Option('--email-verified', 'you vouch that the address is the person’s'))
  for (const { option } of claims) command.addOption(option)
  command.addOption(
    oneValue(
      '--address <json>',
      'the postal address: a JSON object of formatted, street_address, locality, region, postal_code, country',
    ),
  )
  return () => {
    const given = command.opts<Record<string, string | undefined> & { emailVerified?: true }>()
    const { email: typedEmail, address, emailVerified } = given
    const email = typedEmail === undefined ? undefined : canonicalEmail(typedEmail.trim())
    const profile: Profile = {
      ...Object.fromEntries(
        claims.flatMap(({ claim, option }) => {
          const value = given[option.attributeName()]
          return value === undefined ? [] : [[claim, value]]
        }),
      ),
      ...(address === undefined ? {} : { address: readAddress(address) }),
    }
    if (typedEmail === undefined && profile.username === undefined)
      throw new WrongUsage('Give --email, --username or both: what the person signs in with.')
    if (typedEmail !== undefined && email === undefined) throw new WrongUsage('--email takes an e-mail address.')
    if (emailVerified && email === undefined) throw new WrongUsage('--email-verified goes with --email.')
    return { email, emailVerified: emailVerified ?? false, profile: canonicalProfile(profile) }
  }
}
