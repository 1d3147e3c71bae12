import { sealText, secretFor, unsealText } from '../platform/secrets/purpose-secrets.ts'
import type { Signet } from '../signet.ts'

const associated = 'typed-name'

/** Maximum UTF-16 code units of a name that is looked up. No user name and no address is longer, in any of its forms. */
export const maxTypedLength = 1024

/**
 * Seals the user name or e-mail address that somebody typed on the sign-in page, for the URL of the page that they go to instead. It is sealed
 * because URLs end up in histories and logs. It grants nothing and never expires.
 *
 * @returns base64url; undefined if nothing was typed, or too much for a name
 */
export function sealTypedName({ secrets }: Pick<Signet, 'secrets'>, typed: string | undefined): string | undefined {
  const name = typed?.trim()
  return !name || name.length > maxTypedLength ? undefined : sealText(secrets['request-sealing'], name, associated)
}

/** @returns the name; undefined for anything that Signet did not seal for this purpose */
export async function openTypedName(
  { secrets }: Pick<Signet, 'secrets'>,
  sealed: string | undefined,
): Promise<string | undefined> {
  if (sealed === undefined) return undefined
  return unsealText(await secretFor(secrets, 'request-sealing', sealed), sealed, associated)
}
