import type { Queryable } from '../platform/database/queryable.ts'
import { findSignInCandidates } from '../records/accounts/accounts-by-name-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import { unverifiedAtSignIn } from '../records/accounts/email-verification-rule.ts'
import { kindOf } from '../records/accounts/password-formats.ts'
import { HashQueueFull, type Requester } from '../records/accounts/password-hashing.ts'
import { type Caller, recordEvents } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { AllowedAttempt } from '../records/limits/sign-in-limits.ts'
import type { Signet } from '../signet.ts'

/** Where a sign-in comes from, and who is waiting for the result. */
export type Visitor = Caller & Requester

/** What somebody enters to sign in. */
export interface Credentials {
  /** A user name or an e-mail address, as it was typed. */
  readonly username: string
  readonly password: string
  /** The digest of the browser's cookie. */
  readonly browserDigest: Buffer
}

/** A candidate account whose password did not match, or a name that no account has. */
export interface Mismatch {
  readonly sub: Sub | undefined
  /** Whether the account is waiting after too many failures, so its password was not checked. The caller must not learn this. */
  readonly isWaiting: boolean
}

/** The account that a password belongs to, if any. */
export interface Matched {
  /** Undefined if no password matched, or the matching one must not be checked now. */
  readonly account: { readonly sub: Sub; readonly passwordHash: string } | undefined
  /** The `sub` of each candidate: the accounts that the name may refer to. */
  readonly candidates: readonly string[]
  /** The accounts for which a failure stays counted, for the events. If no account has the name, one entry for the name. */
  readonly mismatches: readonly Mismatch[]
  /** Whether an account, or a name that no account has, is waiting after too many failures. The caller of a sign-in must not learn this. */
  readonly isWaiting: boolean
}

/**
 * Finds the account that a name and a password belong to. First, the request is counted once for its network and for the name as it was typed,
 * whether or not an account has the name. Then each candidate account has its own limits. Anybody can create an account with somebody else's
 * address. Failing, succeeding or being known at that account must not give them more guesses at the other one.
 *
 * The password of a disabled account is checked like any other, and never matches. If no account has the name, or an account is waiting after
 * too many failures, the password is compared with a dummy hash, which takes the same time (password-kinds.ts).
 *
 * Takes two round trips before the first hash: the count and the look-up in parallel, then the claim of an attempt at the account. Takes one
 * more after a success.
 *
 * @throws LimitExceeded if the request was refused for every candidate; HashQueueFull, TooManyWaiting
 */
export async function matchingAccount(
  {
    database,
    limits,
    passwords,
    passwordKinds,
    settings,
  }: Pick<Signet, 'database' | 'limits' | 'passwords' | 'passwordKinds' | 'settings'>,
  visitor: Visitor,
  { username, password, browserDigest }: Credentials,
): Promise<Matched> {
  const name = typedName(username)
  const unverified = unverifiedAtSignIn(settings)
  // Where nobody signs in with a password (SIGNET_PASSWORDS), none matches.
  const takesPasswords = settings.passwordSignIn === 'on'
  const [request, found] = await Promise.all([
    limits.countRequest(visitor.network, { typed: name.key }),
    findSignInCandidates(database, name, browserDigest, unverified),
  ])
  const candidates = found.map(({ sub }) => sub)
  const failed: { readonly sub: Sub | undefined; readonly attempt: AllowedAttempt }[] = []
  const waiting: Mismatch[] = []
  let [isAnyAdmitted, isWaiting] = [false, false]
  // If accounts that have not verified the address would follow one that has, they also follow nobody in its place. Otherwise whoever has one of them
  // could tell by the time, and by what is left of the limits, whether another account has verified the address.
  const wouldFollow = unverified === 'signed_up_too' && found.some(({ signedUp }) => signedUp)
  const isInPlace = wouldFollow ? found.some(({ isProven }) => isProven) : found.length > 0
  for (const candidate of isInPlace ? found : [undefined, ...found]) {
    const subject = candidate ? { sub: candidate.sub } : { typed: name.key }
    const decision = await limits.decideAttempt(request, subject, candidate?.isKnownBrowser ? browserDigest : undefined)
    if (decision.kind === 'refused') continue
    isAnyAdmitted = true
    const hash = decision.kind === 'allowed' && takesPasswords ? candidate?.passwordHash : undefined
    // An account that is waiting costs what its own password costs, or its name would be told by the difference.
    const dummyKind = candidate?.passwordHash ? kindOf(candidate.passwordHash) : passwordKinds.ofNobody(name.key)
    const matches = await passwords.verify(password, hash, visitor, dummyKind).catch(async (error: unknown) => {
      // The name stays counted if another account's password has been checked.
      const nameKey = failed.length > 0 ? undefined : request.nameKey
      if (error instanceof HashQueueFull) await limits.cancelAttempt(nameKey, decision)
      throw error
    })
    if (decision.kind === 'waiting') {
      isWaiting = true
      waiting.push({ sub: candidate?.sub, isWaiting: true })
    } else if (matches && candidate && hash !== undefined && !candidate.disabled) {
      const stayed = await limits.succeeded(request, decision, failed)
      const mismatches = [...stayed.map(({ sub }) => ({ sub, isWaiting: false })), ...waiting]
      return { account: { sub: candidate.sub, passwordHash: hash }, candidates, mismatches, isWaiting }
    } else failed.push({ sub: candidate?.sub, attempt: decision })
  }
  if (!isAnyAdmitted && request.exceeded) throw request.exceeded
  const mismatches = [...failed.map(({ sub }) => ({ sub, isWaiting: false })), ...waiting]
  return { account: undefined, candidates, mismatches, isWaiting }
}

/** Records a failed sign-in for each of these accounts. Takes the same time if there are none. */
export async function recordMismatches(db: Queryable, caller: Caller, mismatches: readonly Mismatch[]): Promise<void> {
  await recordEvents(
    db,
    mismatches.map(({ sub, isWaiting }) => ({
      ...{ type: 'sign_in_failed', caller, sub },
      ...(isWaiting && { detail: { reason: 'waiting' } }),
    })),
  )
}
