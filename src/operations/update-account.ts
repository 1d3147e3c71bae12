import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { type Account, accountTurn, descriptiveClaims, type Profile } from '../records/accounts/account.ts'
import { markEmail, replaceDescription, replaceSignInNames } from '../records/accounts/account-changes-store.ts'
import { findAccount, lockAccount, type TakenName } from '../records/accounts/accounts-store.ts'
import { deleteUnusedAvatar } from '../records/accounts/avatars-store.ts'
import { canonicalEmail, isPendingConversion, isSameName } from '../records/accounts/canonical-names.ts'
import { canonicalProfile } from '../records/accounts/profile-rules.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'
import { asSignedIn, type OwnSession, type signedOut } from './as-signed-in.ts'
import { afterEmailChange } from './change-email.ts'
import { notifyPerson } from './notify-person.ts'
import { withRollback } from './with-rollback.ts'

/**
 * The values of an account to change, by claim. Omitted claims stay as they are; null removes a value. The values are unchecked, except the
 * postal address, which comes from `readAddress`.
 */
export type AccountChanges = { readonly [claim in keyof Profile]?: Profile[claim] | null } & {
  readonly email?: string | null
  /** Whether somebody vouches that the address belongs to the person. A new address is unverified unless this is set. */
  readonly email_verified?: boolean
  /** The address that they vouch for, if it is not being changed: the person may have a different one by now. */
  readonly vouched_email?: string
}

/** Why an account was not changed. */
export type AccountRefusal =
  | 'no_such_account'
  | TakenName
  | 'email_invalid'
  /** There is no address to mark as verified. */
  | 'no_email'
  /** The stored address is not the one that was vouched for. */
  | 'other_email'
  /** The account would have neither an address nor a user name to sign in with. */
  | 'no_sign_in_name'

export interface UpdatedAccount {
  readonly account: Account
  /** The claims whose value has changed. If there are none, no event was recorded. */
  readonly changed: readonly string[]
}

type Context = Pick<Signet, 'database' | 'turns' | 'settings' | 'secrets' | 'clock'>

/**
 * Changes an account for an operator. If its address changes, the owner of the previous one is told if that was verified.
 *
 * @throws InvalidProfile
 */
export async function updateAccount(
  signet: Context,
  actor: Actor,
  sub: Sub,
  changes: AccountChanges,
): Promise<UpdatedAccount | AccountRefusal> {
  const { database, turns } = signet
  return withRollback<TakenName, UpdatedAccount | AccountRefusal>((rollBack) =>
    turns.take(accountTurn(sub), () =>
      inTransaction(database, (tx) => changeAccount(tx, signet, actor, sub, changes, rollBack)),
    ),
  )
}

/**
 * Changes the account of a signed-in person, unless their session has ended in the meantime.
 *
 * @param session the person's session
 * @throws InvalidProfile, TooManyWaiting
 */
export async function updateOwnAccount(
  signet: Context,
  actor: Actor,
  session: OwnSession,
  changes: AccountChanges,
): Promise<UpdatedAccount | AccountRefusal | typeof signedOut> {
  return withRollback<TakenName, UpdatedAccount | AccountRefusal | typeof signedOut>((rollBack) =>
    asSignedIn(signet, session, (tx) => changeAccount(tx, signet, actor, session.account.sub, changes, rollBack)),
  )
}

/**
 * Changes an account in the caller's transaction.
 *
 * @param rollBack called if somebody else has a name: the transaction must be rolled back
 * @throws InvalidProfile
 */
export async function changeAccount(
  tx: Queryable,
  signet: Pick<Context, 'settings' | 'secrets' | 'clock'>,
  actor: Actor,
  sub: Sub,
  given: AccountChanges,
  rollBack: (taken: TakenName) => never,
): Promise<UpdatedAccount | AccountRefusal> {
  const changes = canonicalChanges(given)
  if (changes === 'email_invalid') return changes
  const before = (await lockAccount(tx, sub)) && (await findAccount(tx, sub))
  if (!before) return 'no_such_account'
  const wanted = merged(before, changes)
  const namesChange = wanted.username !== before.username || wanted.email !== before.email
  if (namesChange && wanted.username === undefined && wanted.email === undefined) return 'no_sign_in_name'
  if (changes.email_verified && wanted.email === undefined) return 'no_email'
  const { vouched_email: vouched } = changes
  if (vouched !== undefined && !isSameName(wanted.email, vouched)) return 'other_email'

  if (describing.some((claim) => !isSame(wanted[claim], before[claim]))) await replaceDescription(tx, sub, wanted)
  if (wanted.picture !== before.picture) await deleteUnusedAvatar(tx, sub)
  if (namesChange) {
    const replaced = await replaceSignInNames(tx, sub, { username: wanted.username, email: wanted.email })
    if (replaced !== 'done') return rollBack(replaced)
    if (!isSameName(wanted.email, before.email))
      await afterEmailChange(tx, signet, actor, before, {
        email: wanted.email,
        isVerified: changes.email_verified ?? false,
      })
  }
  if (actor.kind === 'person' && before.username !== undefined && !isSameName(wanted.username, before.username))
    await notifyPerson(tx, signet, actor, before, { kind: 'username-changed', at: signet.clock.now() })
  if (changes.email_verified !== undefined) {
    const marked = await markEmail(tx, sub, changes.email_verified)
    if (marked !== 'done') return rollBack(marked)
  }

  const account = (await findAccount(tx, sub)) as Account
  const changed = claims.filter((claim) => !isSame(account[claim], before[claim]))
  // Only the names of the claims, never their values: events outlive the account.
  if (changed.length > 0)
    await recordEvent(tx, { type: 'account_updated', ...originOf(actor), sub, detail: { claims: changed } })
  return { account, changed }
}

/** @throws InvalidProfile */
function canonicalChanges(changes: AccountChanges): AccountChanges | 'email_invalid' {
  const { email: typed, email_verified: _, vouched_email: __, ...profile } = changes
  const given = Object.entries(profile).filter(([, value]) => value !== null && value !== undefined)
  const canonical = { ...changes, ...canonicalProfile(Object.fromEntries(given)) }
  if (typed === undefined || typed === null) return canonical
  const email = canonicalEmail(typed.trim())
  return email === undefined ? 'email_invalid' : { ...canonical, email }
}

const describing = [...descriptiveClaims, 'phone_number', 'address'] as const
const claims = ['username', 'email', 'email_verified', ...describing] as const

type Wanted = Profile & { readonly email?: string | undefined }

/** The account with the changes applied, without null values. */
function merged(before: Account, changes: AccountChanges): Wanted {
  const isKept = (name: 'username' | 'email') =>
    changes[name] === undefined || isPendingConversion(before[name], changes[name] ?? undefined)
  const values = [
    ...(['username', 'email'] as const).map((name) => [name, isKept(name) ? before[name] : changes[name]]),
    ...describing.map((name) => [name, changes[name] === undefined ? before[name] : changes[name]]),
  ]
  return Object.fromEntries(values.filter(([, value]) => value !== null && value !== undefined)) as Wanted
}

/** Compares values; addresses are compared member by member, in any order. */
function isSame(one: unknown, other: unknown): boolean {
  const sorted = (value: unknown) => JSON.stringify(value, value ? Object.keys(value).sort() : undefined)
  return typeof one === 'object' && typeof other === 'object' ? sorted(one) === sorted(other) : one === other
}
