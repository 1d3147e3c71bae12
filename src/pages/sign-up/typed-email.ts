import { sealText, secretFor, unsealText } from '../../platform/secrets/purpose-secrets.ts'
import { canonicalEmail } from '../../records/accounts/canonical-names.ts'
import type { Signet } from '../../signet.ts'

const associated = 'sign-up-email'

/**
 * Seals the e-mail address that somebody typed on the sign-in page, for the URL of the sign-up page. It is sealed because URLs end up in
 * histories and logs. It grants nothing and never expires.
 *
 * @returns base64url; undefined if it is not an e-mail address, such as a user name
 */
export function sealTypedEmail({ secrets }: Signet, typed: string | undefined): string | undefined {
  const email = canonicalEmail(typed?.trim() ?? '')
  return email === undefined ? undefined : sealText(secrets['request-sealing'], email, associated)
}

/** @returns the address; undefined for anything that Signet did not seal for this purpose */
export async function openTypedEmail({ secrets }: Signet, sealed: string | undefined): Promise<string | undefined> {
  if (sealed === undefined) return undefined
  return unsealText(await secretFor(secrets, 'request-sealing', sealed), sealed, associated)
}
