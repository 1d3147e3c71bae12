import { inTransaction } from '../platform/database/queryable.ts'
import { randomText } from '../platform/secrets/digest.ts'
import type { Account, Profile } from '../records/accounts/account.ts'
import { findAccount, insertAccount, setEmailVerified, type TakenName } from '../records/accounts/accounts-store.ts'
import { canonicalEmail } from '../records/accounts/canonical-names.ts'
import { canonicalProfile } from '../records/accounts/profile-rules.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Operator, originOf } from './actor.ts'
import { hashNewPassword, type RefusedPassword } from './new-password.ts'
import { withRollback } from './with-rollback.ts'

/** What an operator enters about a person. All of it is unchecked, except the postal address, which comes from `readAddress`. */
export interface NewAccount {
  readonly profile: Profile
  readonly email: string | undefined
  /** Whether the operator vouches that the e-mail address belongs to the person. */
  readonly emailVerified: boolean
  /** Without a password, nobody can sign in to the account before it is recovered by a link. */
  readonly password?: string | undefined
}

export type CreateAccountOutcome =
  | { readonly outcome: 'created'; readonly account: Account }
  | { readonly outcome: TakenName | 'email_invalid' }
  | ({ readonly outcome: 'password_refused' } & RefusedPassword)
  /** Nobody signs in with a password here (SIGNET_PASSWORDS). */
  | { readonly outcome: 'passwords_off' }

/**
 * Creates an account for a person. If a name is taken or a value is rejected, nothing is created.
 *
 * @throws InvalidProfile, HashQueueFull
 */
export async function createAccount(
  signet: Pick<Signet, 'database' | 'settings' | 'passwords' | 'breachedPasswords'>,
  actor: Operator,
  { emailVerified, password, ...given }: NewAccount,
): Promise<CreateAccountOutcome> {
  const profile = canonicalProfile(given.profile)
  const email = given.email === undefined ? undefined : canonicalEmail(given.email.trim())
  if (given.email !== undefined && email === undefined) return { outcome: 'email_invalid' }
  if (password !== undefined && signet.settings.passwordSignIn === 'off') return { outcome: 'passwords_off' }
  const hashed = password === undefined ? undefined : await hashNewPassword(signet, password, { ...profile, email }, [])
  if (hashed && 'fault' in hashed) return { outcome: 'password_refused', ...hashed }
  const sub = randomText(16) as Sub
  return withRollback<{ readonly outcome: TakenName }, CreateAccountOutcome>((rollBack) =>
    inTransaction(signet.database, async (tx) => {
      const inserted = await insertAccount(tx, {
        ...{ sub, profile, email },
        ...{ passwordHash: hashed?.hash, isPasswordShort: hashed?.isShort ?? false },
      })
      if (inserted !== 'done') return rollBack({ outcome: inserted })
      const verified = emailVerified ? await setEmailVerified(tx, sub) : 'done'
      if (verified !== 'done') return rollBack({ outcome: verified })
      const detail = { email_verified: emailVerified }
      await recordEvent(tx, { type: 'account_created', ...originOf(actor), sub, detail })
      return { outcome: 'created', account: (await findAccount(tx, sub)) as Account }
    }),
  )
}
