import { isPlainText } from '../plain-text.ts'

/** The maximum length of the name of a passkey, in characters. */
export const maxPasskeyName = 60

/**
 * Reads the name that a person gives a passkey. It is shown to them only, but in lists from which they must be able to tell what is what.
 *
 * @returns undefined if it is empty, too long, or has characters that cannot be seen
 */
export function readPasskeyName(typed: string | undefined): string | undefined {
  // A megabyte must not be normalized.
  const name = (typed ?? '')
    .slice(0, maxPasskeyName * 16)
    .normalize('NFC')
    .trim()
  return isPlainText(name, maxPasskeyName) ? name : undefined
}

/**
 * Password managers and systems that keep passkeys, by the AAGUID that they report (Web Authentication Level 3 §6.5.1). They are the most common ones of the list
 * of the FIDO Alliance's passkey developers (https://github.com/passkeydeveloper/passkey-authenticator-aaguids). Nothing proves an AAGUID, so it only
 * suggests a name.
 */
const keepers: ReadonlyMap<string, string> = new Map([
  ['fbfc3007-154e-4ecc-8c0b-6e020557d7bd', 'Apple Passwords'],
  ['dd4ec289-e01d-41c9-bb89-70fa845d4bf2', 'iCloud Keychain'],
  ['ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4', 'Google Password Manager'],
  ['adce0002-35bc-c60a-648b-0b25f1f05503', 'Chrome on Mac'],
  ['771b48fd-d3d4-4f74-9232-fc157ab0507a', 'Edge on Mac'],
  ['08987058-cadc-4b81-b6e1-30de50dcbe96', 'Windows Hello'],
  ['9ddd1817-af5a-4672-a2b9-3e3dd95000a9', 'Windows Hello'],
  ['6028b017-b1d4-4c02-b4b3-afcdafc96bb2', 'Windows Hello'],
  ['53414d53-554e-4700-0000-000000000000', 'Samsung Pass'],
  ['bada5566-a7aa-401f-bd96-45619a55120d', '1Password'],
  ['d548826e-79b4-db40-a3d8-11116f7e8349', 'Bitwarden'],
  ['531126d6-e717-415c-9320-3d9aa6981239', 'Dashlane'],
  ['0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6', 'Keeper'],
  ['b84e4048-15dc-4dd0-8640-f4f60813c8af', 'NordPass'],
  ['f3809540-7f14-49c1-a8b3-8f813b225541', 'Enpass'],
  ['50726f74-6f6e-5061-7373-50726f746f6e', 'Proton Pass'],
  ['fdb141b2-5d84-443e-8a35-4698c205a502', 'KeePassXC'],
])

/**
 * The name of a passkey whose person has not given it one: what keeps it, if it tells, otherwise the browser in which it was created.
 *
 * @param aaguid a UUID
 * @param device in words, such as "Firefox on Linux"
 * @param used the names of the account's other passkeys: the new one gets a number if it would have the same
 */
export function suggestedPasskeyName(aaguid: string, device: string, used: readonly string[]): string {
  const name = [...(keepers.get(aaguid) ?? device)].slice(0, maxPasskeyName - 3).join('')
  const candidates = [name, ...used.map((_, index) => `${name} ${index + 2}`)]
  return candidates.find((candidate) => !used.includes(candidate)) ?? name
}
