import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { type Account, accountTurn, descriptiveClaims, type Profile } from '../records/accounts/account.ts'
import { markEmail, replaceDescription, replaceSignInNames } from '../records/accounts/account-changes-store.ts'
import { findAccount, lockAccount, type TakenName } from '../records/accounts/accounts-store.ts'
import { canonicalEmail, isStillToConvert, typedName } from '../records/accounts/canonical-names.ts'
import { canonicalProfile } from '../records/accounts/profile-rules.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'
import { asSignedIn, type OwnSession, type signedOut } from './as-signed-in.ts'
import { withRollBack } from './roll-back.ts'

/**
 * What is to change in an account, under the names of the claims. What is left out stays as it is; null takes a value away. The values are
 * unchecked but for the address, which `readAddress` has read.
 */
export type AccountChanges = { readonly [claim in keyof Profile]?: Profile[claim] | null } & {
  readonly email?: string | null
  /** Whether somebody vouches that the address is the person's. Another address is one that nobody has vouched for. */
  readonly email_verified?: boolean
  /** The address that they vouch for, if it is not to be changed: the person may have another by now. */
  readonly vouched_email?: string
}

/** Why an account was left as it is. */
export type AccountRefusal =
  | 'no_such_account'
  | TakenName
  | 'email_invalid'
  /** There is no address that could be verified. */
  | 'no_email'
  /** The address is not the one that was vouched for. */
  | 'other_email'
  /** Neither an address nor a user name would be left to sign in with. */
  | 'no_sign_in_name'

export interface UpdatedAccount {
  readonly account: Account
  /** The claims that have another value now. Where there are none, no event was recorded. */
  readonly changed: readonly string[]
}

/**
 * Changes an account for an operator.
 *
 * @throws InvalidProfile
 */
export async function updateAccount(
  { database, turns }: Pick<Signet, 'database' | 'turns'>,
  actor: Actor,
  sub: Sub,
  changes: AccountChanges,
): Promise<UpdatedAccount | AccountRefusal> {
  return withRollBack<TakenName, UpdatedAccount | AccountRefusal>((rollBack) =>
    turns.take(accountTurn(sub), () => inTransaction(database, (tx) => change(tx, actor, sub, changes, rollBack))),
  )
}

/**
 * Changes the account of the person who asks, unless their session has ended in the meantime.
 *
 * @param present the session by which they ask
 * @throws InvalidProfile, TooManyWaiting
 */
export async function updateOwnAccount(
  signet: Pick<Signet, 'database' | 'turns'>,
  actor: Actor,
  present: OwnSession,
  changes: AccountChanges,
): Promise<UpdatedAccount | AccountRefusal | typeof signedOut> {
  return withRollBack<TakenName, UpdatedAccount | AccountRefusal | typeof signedOut>((rollBack) =>
    asSignedIn(signet, present, (tx) => change(tx, actor, present.account.sub, changes, rollBack)),
  )
}

async function change(
  tx: Queryable,
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
  if (vouched !== undefined && typedName(wanted.email ?? '').key !== typedName(vouched).key) return 'other_email'

  if (describing.some((claim) => !isSame(wanted[claim], before[claim]))) await replaceDescription(tx, sub, wanted)
  if (namesChange) {
    const replaced = await replaceSignInNames(tx, sub, { username: wanted.username, email: wanted.email })
    if (replaced !== 'done') return rollBack(replaced)
  }
  if (changes.email_verified !== undefined) {
    const marked = await markEmail(tx, sub, changes.email_verified)
    if (marked !== 'done') return rollBack(marked)
  }

  const account = (await findAccount(tx, sub)) as Account
  const changed = claims.filter((claim) => !isSame(account[claim], before[claim]))
  // Which claims, never what they say: events outlive the account.
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

/** The account as it is to be, without what is null. */
function merged(before: Account, changes: AccountChanges): Wanted {
  const isKept = (name: 'username' | 'email') =>
    changes[name] === undefined || isStillToConvert(before[name], changes[name] ?? undefined)
  const values = [
    ...(['username', 'email'] as const).map((name) => [name, isKept(name) ? before[name] : changes[name]]),
    ...describing.map((name) => [name, changes[name] === undefined ? before[name] : changes[name]]),
  ]
  return Object.fromEntries(values.filter(([, value]) => value !== null && value !== undefined)) as Wanted
}

/** Addresses are compared member by member, whatever their order. */
function isSame(one: unknown, other: unknown): boolean {
  const sorted = (value: unknown) => JSON.stringify(value, value ? Object.keys(value).sort() : undefined)
  return typeof one === 'object' && typeof other === 'object' ? sorted(one) === sorted(other) : one === other
}
