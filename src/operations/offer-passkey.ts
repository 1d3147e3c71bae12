import { displayName } from '../records/accounts/account.ts'
import { listCredentials } from '../records/accounts/account-credentials-store.ts'
import { findAccount } from '../records/accounts/accounts-store.ts'
import { mustVerifyEmail } from '../records/accounts/email-verification-rule.ts'
import { isFreshlyProven, kindsOf, offersPasskeys } from '../records/accounts/factors.ts'
import { offerPasskey } from '../records/accounts/passkeys-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { passkeyCreationOptions } from './passkey-options.ts'

/**
 * Decides whether a person who has just signed in with the password, in a browser that can create passkeys, is asked to create one. They are asked once, if
 * the account has none, and if nothing else comes first: verifying the address, or a second factor that is required.
 *
 * @returns true only once for an account
 */
export async function isPasskeyOffered({ database, settings }: Signet, sub: Sub): Promise<boolean> {
  if (!offersPasskeys(settings) || settings.secondFactor === 'required') return false
  const account = await findAccount(database, sub)
  return account !== undefined && !mustVerifyEmail(settings, account) && (await offerPasskey(database, sub))
}

/**
 * What the page with the offer gives the browser to create a passkey.
 *
 * @param browserDigest the digest of the browser's cookie
 * @returns undefined if there is nothing to offer: the account has a passkey by now, or the sign-in was too long ago to add a factor
 */
export async function offeredPasskeyOptions(
  signet: Signet,
  session: Session,
  browserDigest: Buffer,
): Promise<string | undefined> {
  const { account } = session
  const kinds = kindsOf(await listCredentials(signet.database, account.sub))
  if (kinds.includes('passkey') || !isFreshlyProven(session, kinds, signet.clock.now())) return undefined
  const name = account.username ?? account.email ?? displayName(account)
  const person = { sub: account.sub, name, displayName: displayName(account), existing: [] }
  return passkeyCreationOptions(signet, { browserDigest, ...person, use: 'account' })
}
