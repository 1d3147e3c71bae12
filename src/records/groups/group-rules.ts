import { shown } from '../plain-text.ts'

/** A group that cannot be created, or a membership that cannot be added. The message explains why. */
export class InvalidGroup extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvalidGroup'
  }
}

/** In `groups` of a client: it may see all groups, including those that are created later. */
export const allGroups = '*'

/** Code points. */
export const maxGroupNameLength = 100

/**
 * The limits per account. Every token that has the groups has all that the client may see, and services receive tokens in a header. With the
 * scopes `groups` and `roles` together, an access token with the most has about 11 KB (`maxTokenLength` of the verifier: 16 KB).
 */
export const maxGroups = 100
/** In octets of JSON. */
export const maxGroupsOctets = 4096

/** Letters, marks, digits, punctuation and symbols, with single spaces inside. So nothing in a name is invisible. */
const groupName = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+(?: [\p{L}\p{M}\p{N}\p{P}\p{S}]+)*$/u

/**
 * Checks the name of a new group. Names are compared exactly, by Signet and by applications, so a name has one form only: NFC.
 *
 * @throws InvalidGroup
 */
export function checkGroupName(name: string): void {
  if (name === allGroups)
    throw new InvalidGroup(`'${allGroups}' stands for all groups, so no group can have this name.`)
  const fits =
    [...name].length <= maxGroupNameLength && groupName.test(name) && !/\p{Default_Ignorable_Code_Point}/u.test(name)
  if (!fits)
    throw new InvalidGroup(
      `The name '${shown(name)}' is not valid: use 1 to ${maxGroupNameLength} visible characters. Single spaces are allowed between them.`,
    )
  if (name !== name.normalize('NFC'))
    throw new InvalidGroup(`The name '${shown(name)}' is not valid: it must be in Unicode normalization form C.`)
}

/**
 * Checks the groups of an account after one was added.
 *
 * @throws InvalidGroup if there are too many
 */
export function checkGroupsOfAccount(names: readonly string[]): void {
  if (names.length > maxGroups)
    throw new InvalidGroup(
      `The user is in ${maxGroups} groups already, which is the maximum: tokens contain all of them.`,
    )
  if (Buffer.byteLength(JSON.stringify(names)) > maxGroupsOctets)
    throw new InvalidGroup(
      `The names of the user's groups would be longer than ${maxGroupsOctets} octets together, which is the maximum: tokens contain all of them.`,
    )
}

/**
 * Those groups of a person that a client may see.
 *
 * @param names the groups of the person
 * @param client its metadata: the names of groups, or `*` for all
 */
export function groupsVisibleTo(
  client: { readonly groups: readonly string[] },
  names: readonly string[],
): readonly string[] {
  return client.groups.includes(allGroups) ? names : names.filter((name) => client.groups.includes(name))
}
