import type { SignInCandidate } from '../../../records/accounts/accounts-store.ts'
import type { Requester } from '../../../records/accounts/password-hashing.ts'
import { type Attempt, LimitExceeded } from '../../../records/limits/sign-in-limits.ts'
import type { Signet } from '../../../signet.ts'

/** What somebody tries, and from where. */
export interface Credentials {
  /** A user name or an e-mail address, as it was typed. */
  readonly username: string
  readonly password: string
  readonly requester: Requester & { readonly network: string }
  readonly browserDigest: Buffer
}

/**
 * Whose password it is. Each account is counted for by itself and before its hash is looked at: anybody can make an account with
 * somebody else's address, and must not gain guesses at the other by failing, succeeding or being known at their own. A disabled
 * account's password is checked like any other, and never matches; where nobody has the name, it is checked against nothing.
 *
 * @returns undefined where it is nobody's
 * @throws LimitExceeded where there is no account left at which it may be looked at; HashQueueFull
 */
export async function matchingAccount(
  { limits, passwords }: Pick<Signet, 'limits' | 'passwords'>,
  candidates: readonly SignInCandidate[],
  credentials: Credentials,
): Promise<SignInCandidate | undefined> {
  let exceeded: LimitExceeded | undefined
  let lookedAt = 0
  for (const candidate of candidates.length > 0 ? candidates : [undefined]) {
    const attempt = attemptAt(candidate, credentials)
    try {
      await limits.beforeHashing(attempt)
    } catch (error) {
      if (!(error instanceof LimitExceeded)) throw error
      exceeded = error
      continue
    }
    lookedAt++
    const matches = await passwords.verify(credentials.password, candidate?.passwordHash, credentials.requester)
    if (!matches || !candidate || candidate.disabled) continue
    await limits.succeeded(attempt)
    return candidate
  }
  // Told only where nothing was looked at: else it would tell that others have an account with this address.
  if (exceeded && lookedAt === 0) throw exceeded
  return undefined
}

function attemptAt(
  candidate: SignInCandidate | undefined,
  { username, requester, browserDigest }: Credentials,
): Attempt {
  return {
    account: candidate ? { sub: candidate.sub } : { nobodys: username },
    network: requester.network,
    knownBrowser: candidate?.knownHere ? browserDigest : undefined,
  }
}
