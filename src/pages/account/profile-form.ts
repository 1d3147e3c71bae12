import { httpsOnly } from '../../html/link-target.ts'
import { type AccountChanges, updateOwnAccount } from '../../operations/update-account.ts'
import type { Address, Profile } from '../../records/accounts/account.ts'
import type { Description } from '../../records/accounts/account-changes-store.ts'
import { checkProfile, InvalidProfile, readAddress } from '../../records/accounts/profile-rules.ts'
import type { Signet } from '../../signet.ts'
import { type AccountFault, type AccountFaults, actorOf, type Outcome, type Submission } from './account-form.ts'

/** The picture has a form of its own (avatar-form.ts). */
type Claim = Exclude<keyof Description, 'address' | 'picture'>

/** The claims with a field each (OpenID Connect Core §5.1), in the order of the page, and the fault if a value is invalid. */
const claimFaults = {
  name: 'text_invalid',
  nickname: 'text_invalid',
  given_name: 'text_invalid',
  family_name: 'text_invalid',
  middle_name: 'text_invalid',
  gender: 'text_invalid',
  birthdate: 'birthdate_invalid',
  phone_number: 'phone_invalid',
  locale: 'language_invalid',
  zoneinfo: 'zone_invalid',
  website: 'url_invalid',
  profile: 'url_invalid',
} as const satisfies { readonly [claim in Claim]-?: AccountFault }

const claims = Object.keys(claimFaults) as readonly Claim[]

/** The members of the address, with a field each (§5.1.1). */
const members = [
  'street_address',
  'formatted',
  'postal_code',
  'locality',
  'region',
  'country',
] as const satisfies readonly (keyof Address)[]

export type ProfileField = Claim | (typeof members)[number]

/** The values of the form for an account. */
export function profileValues(account: Profile): ReadonlyMap<string, string> {
  return new Map([
    ...textsOf(claims, (claim) => account[claim]),
    ...textsOf(members, (member) => account.address?.[member]),
  ])
}

/** Saves the person's profile. */
export async function submitProfile(signet: Signet, submission: Submission): Promise<Outcome> {
  const { session, values } = submission
  const { changes, faults } = readProfile(values, session.account)
  if (faults.size > 0) return { outcome: 'faulty', faults, status: 422 }
  if (Object.keys(changes).length === 0) return { outcome: 'done', notice: 'profile-saved' }
  const updated = await updateOwnAccount(signet, actorOf(submission), session, changes)
  if (updated === 'signed_out' || updated === 'no_such_account') return { outcome: 'signed_out' }
  // The other refusals are about names and addresses, which this form does not set. It must not seem that anything was saved.
  if (typeof updated === 'string') throw new Error(`The profile could not be changed: ${updated}.`)
  return { outcome: 'done', notice: 'profile-saved' }
}

/**
 * Reads the form. An empty field removes its claim. Unchanged values are not checked: an operator may have set them, and they must not
 * prevent other changes.
 *
 * @param account the profile before the change
 * @returns the changed claims, null for those removed, and the faults by field
 */
function readProfile(
  values: ReadonlyMap<string, string>,
  account: Profile,
): { changes: AccountChanges; faults: AccountFaults } {
  const before = profileValues(account)
  const typed = (field: ProfileField) => normalised(values.get(field)) || undefined
  const isChanged = (field: ProfileField) => typed(field) !== normalised(before.get(field))
  const now = (field: ProfileField) => (isChanged(field) ? typed(field) : before.get(field))

  const address: Address = Object.fromEntries(textsOf(members, now))
  const changedClaims = claims.filter(isChanged)
  const changedMembers = members.filter(isChanged)
  const faults = new Map<string, AccountFault>()
  for (const claim of changedClaims) if (!fitsClaim(claim, typed(claim))) faults.set(claim, claimFaults[claim])
  for (const member of changedMembers) if (!fitsMember(member, typed(member))) faults.set(member, 'text_invalid')
  const changes: AccountChanges = {
    ...Object.fromEntries(changedClaims.map((claim) => [claim, typed(claim) ?? null])),
    ...(changedMembers.length > 0 && { address: Object.keys(address).length > 0 ? address : null }),
  }
  return { changes, faults }
}

/** Browsers always send line breaks as CR LF (HTML, "constructing the entry list"). */
function normalised(text: string | undefined): string | undefined {
  return text?.replaceAll('\r\n', '\n').trim()
}

function textsOf<Field extends string>(
  fields: readonly Field[],
  textOf: (field: Field) => string | undefined,
): [Field, string][] {
  return fields.flatMap((field): [Field, string][] => {
    const text = textOf(field)
    return text === undefined ? [] : [[field, text]]
  })
}

function fitsClaim(claim: Claim, value: string | undefined): boolean {
  if (value === undefined) return true
  // Stricter than for operators: applications use these for links and images on https pages.
  if (claimFaults[claim] === 'url_invalid' && httpsOnly(value) === undefined) return false
  return isValid(() => checkProfile({ [claim]: value }))
}

function fitsMember(member: keyof Address, value: string | undefined): boolean {
  return value === undefined || isValid(() => readAddress(JSON.stringify({ [member]: value })))
}

function isValid(check: () => unknown): boolean {
  try {
    check()
    return true
  } catch (error) {
    if (error instanceof InvalidProfile) return false
    throw error
  }
}
