import type { Log } from './log.ts'

/** Logs failed attempts of jobs that are tried again. */
export interface FailureLog<Attempt extends object> {
  /** @param sentence without secrets and without addresses */
  failed(attempt: Attempt, sentence: string): void
}

/** Milliseconds between two log entries about the same thing. */
const interval = 60_000

/** Things that are remembered. */
const maxKeys = 1_000

/**
 * Logs failed attempts, but those about the same thing at most once a minute: while a mail server is down, each of thousands of e-mails fails thirteen times.
 * `others` counts those that were not logged since the entry before.
 *
 * @param keyOf what an attempt is about, such as the fault of a mail server
 * @param now milliseconds of a clock that never goes back
 */
export function createFailureLog<Attempt extends object>(
  log: Pick<Log, 'warn'>,
  keyOf: (attempt: Attempt) => string,
  now = () => performance.now(),
): FailureLog<Attempt> {
  const seen = new Map<string, { loggedAt: number; others: number }>()
  return {
    failed: (attempt, sentence) => {
      const key = keyOf(attempt)
      const before = seen.get(key)
      if (before && now() - before.loggedAt < interval) {
        before.others += 1
        return
      }
      if (seen.size >= maxKeys) seen.clear()
      seen.set(key, { loggedAt: now(), others: 0 })
      const about: object = { ...attempt, others: before?.others || undefined }
      log.warn(about, sentence)
    },
  }
}
