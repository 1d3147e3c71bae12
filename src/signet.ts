import type { KeyRing } from './key-ring/key-ring.ts'
import type { SecretRing } from './key-ring/secret-ring.ts'
import type { VerifierSightings } from './key-ring/verifier-sightings.ts'
import type { Clock } from './platform/clock.ts'
import type { Settings } from './platform/config/settings.ts'
import type { Database } from './platform/database/pool.ts'
import type { Log } from './platform/log.ts'
import type { Metrics } from './platform/metrics.ts'
import type { Turns } from './platform/turns.ts'
import type { PasswordHashing } from './records/accounts/password-hashing.ts'
import type { KnownClients } from './records/clients/known-clients.ts'
import type { Endings } from './records/endings/follower.ts'
import type { TokenTally } from './records/events/token-tally.ts'
import type { SignInLimits } from './records/limits/sign-in-limits.ts'
import type { RefusalsJournal } from './records/refusals/refusals-journal.ts'

/** The dependencies of every endpoint, page and operation. Created once at the start; nothing else is shared. */
export interface Signet {
  readonly settings: Settings
  readonly database: Database
  /** Why the database cannot be used at present, according to the heartbeat; undefined if it can. For servers. */
  readonly databaseProblem: () => string | undefined
  readonly keyRing: KeyRing
  readonly sightings: VerifierSightings
  readonly secrets: SecretRing
  readonly clock: Clock
  readonly log: Log
  readonly clients: KnownClients
  readonly passwords: PasswordHashing
  /** For transactions that lock rows which others may want at the same time. */
  readonly turns: Turns
  readonly limits: SignInLimits
  readonly endings: Endings
  readonly tally: TokenTally
  readonly refusals: RefusalsJournal
  readonly metrics: Metrics
}
