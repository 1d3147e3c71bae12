import { createHash } from 'node:crypto'
import type { DatabaseLog } from '../../platform/log.ts'
import { fetchText, OutgoingRequestFailed } from '../../platform/outgoing-request.ts'
import { normalizePassword } from './password-rules.ts'

/**
 * Whether a new password is in a collection of stolen ones. NIST SP 800-63B-4 §3.1.1.2 names "passwords obtained from previous breach corpuses"
 * as the first source of a blocklist.
 *
 * The collection is the range API of Have I Been Pwned or a mirror of it. The first five of the 40 hexadecimal characters of the password's SHA-1
 * hash are sent, the response lists the rest of every hash that begins with them, and the comparison is made here. About two thousand stolen
 * passwords share these five characters, and the response is padded, so that its length does not tell which five were sent.
 */
export interface BreachedPasswords {
  /**
   * Called when a password is set, after everything that can be checked here, and after the limits. Must not depend on whether an account exists.
   *
   * @returns false also if SIGNET_BREACHED_PASSWORDS_URL is not set, or there is no usable response within a second: a server elsewhere must not
   *   keep people from setting a password
   */
  isListed(password: string): Promise<boolean>
}

export type BreachCheckOutcome = 'listed' | 'unlisted' | 'timeout' | 'failed'

/** Milliseconds for a password, with all requests and their bodies. */
const timeLimit = 1_000

/** Passwords that are looked up at the same time. With a slow server, each holds a connection for a second. */
const maxConcurrent = 50

/** Milliseconds between two log entries about failures. */
const logInterval = 60_000

/** Bytes of a response. The collection has about 80 KB for each prefix. */
const maxBytes = 1024 * 1024

/**
 * @param url SIGNET_BREACHED_PASSWORDS_URL, with a slash at its end
 * @param count counts each password that was looked up
 * @param options for tests: `startTimeLimit` returns a signal that aborts when the time is up; `now` is a clock in milliseconds
 */
export function createBreachedPasswords(
  url: string | undefined,
  log: Pick<DatabaseLog, 'warn'>,
  count: (outcome: BreachCheckOutcome) => void = () => {},
  {
    startTimeLimit = () => AbortSignal.timeout(timeLimit),
    now = () => performance.now(),
  }: { readonly startTimeLimit?: () => AbortSignal; readonly now?: () => number } = {},
): BreachedPasswords {
  if (url === undefined) return { isListed: async () => false }
  let concurrent = 0
  let failures = 0
  let loggedAt = Number.NEGATIVE_INFINITY

  const failed = (outcome: 'timeout' | 'failed', reason: string) => {
    count(outcome)
    failures++
    if (now() - loggedAt < logInterval) return false
    log.warn(
      { reason, passwords: failures },
      'New passwords were accepted without looking them up at SIGNET_BREACHED_PASSWORDS_URL, because there was no usable response.',
    )
    failures = 0
    loggedAt = now()
    return false
  }
  return {
    isListed: async (password) => {
      if (concurrent >= maxConcurrent) return failed('failed', 'too many passwords were being looked up')
      concurrent++
      try {
        const signal = startTimeLimit()
        // The collection has passwords as they were typed elsewhere, and what is stored here is the normalized form.
        const forms = new Set([password, normalizePassword(password)])
        const found = await Promise.allSettled([...forms].map((form) => isInRange(url, form, signal)))
        const failure = found.find((one) => one.status === 'rejected')
        if (found.some((one) => one.status === 'fulfilled' && one.value)) {
          count('listed')
          return true
        }
        if (failure) return failed(signal.aborted ? 'timeout' : 'failed', reasonOf(failure.reason))
        count('unlisted')
        return false
      } finally {
        concurrent--
      }
    },
  }
}

async function isInRange(url: string, password: string, signal: AbortSignal): Promise<boolean> {
  const hash = createHash('sha1').update(password, 'utf8').digest('hex').toUpperCase()
  return (await fetchRange(url, hash.slice(0, 5), signal)).has(hash.slice(5))
}

/**
 * Reads one range: the hashes in the collection that begin with the prefix.
 *
 * @param url with a slash at its end
 * @param prefix the first five characters of a SHA-1 hash in upper-case hexadecimal
 * @returns the remaining 35 characters of each hash, in upper case
 * @throws OutgoingRequestFailed, also if the response is not a range
 */
export async function fetchRange(url: string, prefix: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const headers = { 'user-agent': 'Signet', 'add-padding': 'true' }
  const text = await fetchText(`${url}${prefix}`, { headers, signal, maxBytes })
  const suffixes = new Set<string>()
  for (const line of text.trim().split(/\r?\n/)) {
    const [, suffix, count] = /^([0-9A-F]{35}):(\d{1,15})$/i.exec(line) ?? []
    // Every prefix occurs in the collection, so an empty response is not a range either.
    if (suffix === undefined) throw new OutgoingRequestFailed('the response is not a list of hashes')
    // Padding has the count 0.
    if (Number(count) > 0) suffixes.add(suffix.toUpperCase())
  }
  return suffixes
}

function reasonOf(error: unknown): string {
  return error instanceof OutgoingRequestFailed ? error.message : 'unexpected error'
}
