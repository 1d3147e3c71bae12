import type { Brand } from './html/brand.ts'
import type { KeyRing } from './key-ring/key-ring.ts'
import type { SecretRing } from './key-ring/secret-ring.ts'
import type { VerifiersLastSeen } from './key-ring/verifiers-last-seen.ts'
import type { Clock } from './platform/clock.ts'
import type { Settings } from './platform/config/settings.ts'
import type { Database } from './platform/database/pool.ts'
import type { FailureLog } from './platform/failure-log.ts'
import type { Log } from './platform/log.ts'
import type { MailFault } from './platform/mail/mail-failure.ts'
import type { Metrics } from './platform/metrics.ts'
import type { Outgoing } from './platform/outgoing/outgoing.ts'
import type { Turns } from './platform/turns.ts'
import type { BreachedPasswords } from './records/accounts/breached-passwords.ts'
import type { PasswordHashing } from './records/accounts/password-hashing.ts'
import type { PasswordKinds } from './records/accounts/password-kinds.ts'
import type { ClientCache } from './records/clients/client-cache.ts'
import type { ClientKeySets } from './records/clients/client-keys.ts'
import type { EndingWorker } from './records/endings/ending-worker.ts'
import type { DeferredEvents } from './records/events/deferred-events.ts'
import type { TokenCounter } from './records/events/token-counter.ts'
import type { SignInLimits } from './records/limits/sign-in-limits.ts'
import type { RefusalLog } from './records/refusals/refusal-log.ts'
import type { TokenReads } from './tokens/token-reads.ts'
import type { VerifiedTokens } from './tokens/verified-tokens.ts'

/** The shared state that is passed to every function. It is created once at startup; nothing else is shared. */
export interface Signet {
  readonly settings: Settings
  readonly brand: Brand
  readonly database: Database
  /** Why the database is not usable at the moment, according to the heartbeat; undefined if it is. For servers. */
  readonly databaseProblem: () => string | undefined
  /** Jobs in the queue when they were last counted; undefined before that. For servers. */
  readonly waitingJobs: () => number | undefined
  /** Logout tokens among them. */
  readonly waitingNotices: () => number | undefined
  readonly keyRing: KeyRing
  readonly verifiersLastSeen: VerifiersLastSeen
  readonly verifiedTokens: VerifiedTokens
  readonly tokenReads: TokenReads
  readonly secrets: SecretRing
  /** The salt of pairwise subjects (tokens/subject.ts). It never changes. */
  readonly subjectSalt: Buffer
  readonly clock: Clock
  readonly log: Log
  readonly clients: ClientCache
  /** For everything that the metadata of clients names. */
  readonly outgoing: Outgoing
  readonly clientKeys: ClientKeySets
  readonly passwords: PasswordHashing
  readonly breachedPasswords: BreachedPasswords
  readonly passwordKinds: Pick<PasswordKinds, 'ofNobody'>
  /** For transactions that lock rows which concurrent requests may need. */
  readonly turns: Turns
  readonly limits: SignInLimits
  readonly endings: EndingWorker
  readonly tokenCounter: TokenCounter
  readonly deferredEvents: DeferredEvents
  readonly refusals: RefusalLog
  readonly metrics: Metrics
  readonly mailFailures: FailureLog<{ readonly kind: string; readonly attempt: number; readonly fault: MailFault }>
  /** Of logout tokens. */
  readonly noticeFailures: FailureLog<{ readonly client: string; readonly attempt: number; readonly reason: string }>
}
