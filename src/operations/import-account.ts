import { inTransaction } from '../platform/database/queryable.ts'
import { randomText } from '../platform/secrets/digest.ts'
import type { Profile } from '../records/accounts/account.ts'
import {
  insertAccount,
  lockAddress,
  setDisabled,
  setEmailVerified,
  type TakenName,
} from '../records/accounts/accounts-store.ts'
import { canonicalEmail } from '../records/accounts/canonical-names.ts'
import { readPasswordHash } from '../records/accounts/password-formats.ts'
import { canonicalProfile } from '../records/accounts/profile-rules.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { findImportedAccount, lockImportedId } from '../records/imported-ids-store.ts'
import type { Signet } from '../signet.ts'
import { type Operator, originOf } from './actor.ts'
import { withRollback } from './with-rollback.ts'

/** A person as another system knows them, unchecked. There is nothing here that would give them a right. */
export interface AccountToImport {
  /** The `sub` that applications know; undefined: a new one. */
  readonly sub: string | undefined
  readonly profile: Profile
  readonly email: string | undefined
  readonly emailVerified: boolean
  readonly disabled: boolean
  /** The text of the hash (password-formats.ts); undefined: nobody can sign in yet. */
  readonly passwordHash: string | undefined
}

export interface ImportOptions {
  /** Where it comes from, for the event. */
  readonly source: string
  /** Checks everything in a transaction that is rolled back. */
  readonly dryRun: boolean
}

export type ImportAccountOutcome =
  | { readonly outcome: 'imported'; readonly sub: string }
  | { readonly outcome: 'exists'; readonly sub: string }
  | {
      readonly outcome:
        | TakenName
        | 'email_invalid'
        | 'no_sign_in_name'
        | 'sub_invalid'
        | 'sub_of_client'
        | 'sub_deleted'
    }
  | { readonly outcome: 'password_refused'; readonly fault: string }

/** OpenID Connect Core §2: a `sub` has at most 255 ASCII characters. The form of our own client IDs is excluded (RFC 9700 §4.15). */
const importableSub = /^(?!client_)[\x21-\x7e]{1,255}$/

/**
 * Creates the account of a person who comes from another system, with the `sub` and the password hash that they have there. The password is checked
 * by that hash when the person first signs in, and then hashed again by us. If anything is refused, nothing is created.
 *
 * An account that was imported before is left as it is, because its person may have changed it. So an import that was interrupted can be run again.
 *
 * @throws InvalidProfile
 */
export async function importAccount(
  { database }: Pick<Signet, 'database'>,
  actor: Operator,
  { sub: given, emailVerified, disabled, ...typed }: AccountToImport,
  { source, dryRun }: ImportOptions,
): Promise<ImportAccountOutcome> {
  if (given !== undefined && !importableSub.test(given)) return { outcome: 'sub_invalid' }
  const profile = canonicalProfile(typed.profile)
  const email = typed.email === undefined ? undefined : canonicalEmail(typed.email.trim())
  if (typed.email !== undefined && email === undefined) return { outcome: 'email_invalid' }
  if (email === undefined && profile.username === undefined) return { outcome: 'no_sign_in_name' }
  const hash = typed.passwordHash === undefined ? undefined : readPasswordHash(typed.passwordHash)
  if (hash && 'fault' in hash) return { outcome: 'password_refused', fault: hash.fault }
  const sub = (given ?? randomText(16)) as Sub
  return withRollback<ImportAccountOutcome, ImportAccountOutcome>((rollBack) =>
    inTransaction(database, async (tx) => {
      if (given !== undefined) {
        const use = await lockImportedId(tx, given)
        if (use.client) return { outcome: 'sub_of_client' }
        if (use.account) return use.account === 'deleted' ? { outcome: 'sub_deleted' } : { outcome: 'exists', sub }
      } else {
        if (email !== undefined) await lockAddress(tx, email)
        const existing = await findImportedAccount(tx, { username: profile.username, email })
        if (existing !== undefined) return { outcome: 'exists', sub: existing }
      }
      const account = { sub, profile, email, passwordHash: hash?.text, importedFrom: source }
      const inserted = await insertAccount(tx, account)
      if (inserted !== 'done') return rollBack({ outcome: inserted })
      const isVerified = emailVerified && email !== undefined
      const verified = isVerified ? await setEmailVerified(tx, sub) : 'done'
      if (verified !== 'done') return rollBack({ outcome: verified })
      if (disabled) await setDisabled(tx, sub, true)
      const password = hash ? { password: hash.kind } : {}
      const detail = { import: source, email_verified: isVerified, ...password, ...(disabled && { disabled }) }
      await recordEvent(tx, { type: 'account_created', ...originOf(actor), sub, detail })
      const imported = { outcome: 'imported', sub } as const
      return dryRun ? rollBack(imported) : imported
    }),
  )
}
