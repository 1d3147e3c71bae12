import type { Log } from '../log.ts'
import type { MailFault } from './mail-failure.ts'

/** An attempt to send an e-mail that has failed and will be repeated. */
export interface FailedAttempt {
  readonly kind: string
  /** 1 for the first one. */
  readonly attempt: number
  readonly fault: MailFault
}

export interface MailFailureLog {
  /** @param message without a full stop and without the address */
  failed(attempt: FailedAttempt, message: string): void
}

/** Milliseconds between two log entries about the same fault. */
const interval = 60_000

/**
 * Logs failed attempts, but those with the same fault at most once a minute: while a mail server is down, each of thousands of e-mails fails
 * thirteen times. `others` counts those that were not logged since the entry before.
 *
 * @param now milliseconds of a clock that never goes back
 */
export function createMailFailureLog(log: Pick<Log, 'warn'>, now = () => performance.now()): MailFailureLog {
  const seen = new Map<MailFault, { loggedAt: number; others: number }>()
  return {
    failed: (attempt, message) => {
      const before = seen.get(attempt.fault)
      if (before && now() - before.loggedAt < interval) {
        before.others += 1
        return
      }
      seen.set(attempt.fault, { loggedAt: now(), others: 0 })
      log.warn(
        { ...attempt, others: before?.others || undefined },
        `An e-mail could not be sent and will be tried again: ${message}.`,
      )
    },
  }
}
