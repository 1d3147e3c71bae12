import { findPendingEmail } from '../records/accounts/email-verifications-store.ts'
import { type ConnectedApplication, listConnectedApplications } from '../records/grants/connected-applications-store.ts'
import type { ScopeDescription } from '../records/resources/resource.ts'
import { findScopeDescriptions } from '../records/resources/resources-store.ts'
import { type ListedSession, listSessions } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import type { OwnSession } from './as-signed-in.ts'

/** Limits of the lists: someone who signs in with a script can have thousands of sessions. */
const maxSessions = 20
const maxApplications = 100

/** What has access to an account, and the change of address that it waits for. */
export interface AccountOverview {
  /** The address that becomes the account's once it is confirmed; undefined if no change is pending. */
  readonly pendingEmail: string | undefined
  /** The current one first, then by last use. */
  readonly sessions: readonly ListedSession[]
  /** The number of live sessions, whether or not they are listed. */
  readonly sessionCount: number
  /** Whether there may be more sessions than `sessionCount`. */
  readonly sessionsTruncated: boolean
  /** Ordered by name. */
  readonly applications: readonly ConnectedApplication[]
  /** Whether there may be more applications than are listed. */
  readonly applicationsTruncated: boolean
  /** The descriptions that resources give for the scopes of these applications. */
  readonly scopeDescriptions: readonly ScopeDescription[]
}

/** Looks up what has access to the account of the signed-in person. Takes two round trips. */
export async function accountOverview(
  { database, settings }: Pick<Signet, 'database' | 'settings'>,
  session: OwnSession,
): Promise<AccountOverview> {
  const { sub } = session.account
  const [{ sessions, count, isTruncated }, connected, pendingEmail] = await Promise.all([
    listSessions(database, sub, session.id, settings.sessionIdleTtl, maxSessions),
    listConnectedApplications(database, sub, settings.sessionIdleTtl, maxApplications),
    settings.mail.delivery === 'none' ? undefined : findPendingEmail(database, sub),
  ])
  const scopes = new Set(connected.applications.flatMap((application) => application.scopes))
  return {
    pendingEmail,
    sessions,
    sessionCount: count,
    sessionsTruncated: isTruncated,
    applications: connected.applications,
    applicationsTruncated: connected.isTruncated,
    scopeDescriptions: await findScopeDescriptions(database, [...scopes]),
  }
}
