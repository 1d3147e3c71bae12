import type { Queryable } from '../platform/database/queryable.ts'
import { findSignInCandidates } from '../records/accounts/accounts-by-name-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import { HashQueueFull, type Requester } from '../records/accounts/password-hashing.ts'
import { type Caller, recordEvents } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Look } from '../records/limits/sign-in-limits.ts'
import type { Signet } from '../signet.ts'

/** Where a sign-in comes from, and who waits for it. */
export type Visitor = Caller & Requester

/** What somebody presents. */
export interface Credentials {
  /** A user name or an e-mail address, as it was typed. */
  readonly username: string
  readonly password: string
  /** Of the browser's cookie. */
  readonly browserDigest: Buffer
}

/** An account that was meant, and whose password it was not; or a name that nobody has. */
export interface Mismatch {
  readonly sub: Sub | undefined
  /** Whether the account waits after too many failures, so that its password was not looked at. Never told to the caller. */
  readonly hasWaited: boolean
}

/** Whose password it is. */
export interface Matched {
  /** Undefined if it is nobody's, or may not be looked at. */
  readonly account: { readonly sub: Sub; readonly passwordHash: string } | undefined
  /** The accounts that were meant. */
  readonly meant: readonly string[]
  /** Accounts at which a failure stays counted, for the record. Where nobody has the name: that name. */
  readonly mismatches: readonly Mismatch[]
  /** Whether anything waits: an account, or a name that no account has. Never told to the caller of a sign-in. */
  readonly hasWaited: boolean
}

/**
 * Finds the account that a name and a password belong to. The request is counted once, for its network and for what was typed, before
 * anything depends on an account. Then each account that may be meant has limits of its own: anybody can make an account with somebody
 * else's address, and must not gain guesses at the other by failing, succeeding or being known at their own.
 *
 * A disabled account's password is checked like any other, and never matches. Where nobody has the name, and where an account waits
 * after too many failures, the password is checked against nothing, which takes as long.
 *
 * Two round trips before the first hash: the count and the look-up side by side, then the claim of the account. One after success.
 *
 * @throws LimitExceeded where no account was looked at; HashQueueFull, TooManyWaiting
 */
export async function matchingAccount(
  { database, limits, passwords }: Pick<Signet, 'database' | 'limits' | 'passwords'>,
  visitor: Visitor,
  { username, password, browserDigest }: Credentials,
): Promise<Matched> {
  const name = typedName(username)
  const [request, candidates] = await Promise.all([
    limits.countRequest(visitor.network, { typed: name.key }),
    findSignInCandidates(database, name, browserDigest),
  ])
  const meant = candidates.map(({ sub }) => sub)
  const failed: { readonly sub: Sub | undefined; readonly look: Look }[] = []
  const waiting: Mismatch[] = []
  let [hasLooked, hasWaited] = [false, false]
  for (const candidate of candidates.length > 0 ? candidates : [undefined]) {
    const subject = candidate ? { sub: candidate.sub } : { typed: name.key }
    const ruling = await limits.rule(request, subject, candidate?.knownHere ? browserDigest : undefined)
    if (ruling.kind === 'refused') continue
    hasLooked = true
    const hash = ruling.kind === 'look' ? candidate?.passwordHash : undefined
    const matches = await passwords.verify(password, hash, visitor).catch(async (error: unknown) => {
      // The name stays counted if another account's password has been looked at.
      const nameKey = failed.length > 0 ? undefined : request.nameKey
      if (error instanceof HashQueueFull) await limits.notLookedAt(nameKey, ruling)
      throw error
    })
    if (ruling.kind === 'wait') {
      hasWaited = true
      waiting.push({ sub: candidate?.sub, hasWaited: true })
    } else if (matches && candidate && hash !== undefined && !candidate.disabled) {
      const stayed = await limits.succeeded(request, ruling, failed)
      const mismatches = [...stayed.map(({ sub }) => ({ sub, hasWaited: false })), ...waiting]
      return { account: { sub: candidate.sub, passwordHash: hash }, meant, mismatches, hasWaited }
    } else failed.push({ sub: candidate?.sub, look: ruling })
  }
  if (!hasLooked && request.over) throw request.over
  const mismatches = [...failed.map(({ sub }) => ({ sub, hasWaited: false })), ...waiting]
  return { account: undefined, meant, mismatches, hasWaited }
}

/** Records a failed sign-in at each of these accounts. It takes as long if there are none. */
export async function recordMismatches(db: Queryable, caller: Caller, mismatches: readonly Mismatch[]): Promise<void> {
  await recordEvents(
    db,
    mismatches.map(({ sub, hasWaited }) => ({
      ...{ type: 'sign_in_failed', caller, sub },
      ...(hasWaited && { detail: { reason: 'waiting' } }),
    })),
  )
}
