import { type ConnectedApplication, listConnectedApplications } from '../records/grants/connected-applications-store.ts'
import type { ScopeDescription } from '../records/resources/resource.ts'
import { findScopeDescriptions } from '../records/resources/resources-store.ts'
import { type ListedSession, listSessions } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import type { OwnSession } from './as-signed-in.ts'

/** How many sessions and applications are listed: somebody who signs in by a program could have thousands. */
const mostSessions = 20
const mostApplications = 100

/** What has access to an account. */
export interface AccountOverview {
  /** The present one first, then those last used. */
  readonly sessions: readonly ListedSession[]
  /** All that are alive, whether or not they are listed. */
  readonly sessionCount: number
  /** Whether there may be more than were counted. */
  readonly sessionsAreCut: boolean
  /** In order of their names. */
  readonly applications: readonly ConnectedApplication[]
  /** Whether there may be more than are listed. */
  readonly applicationsAreCut: boolean
  /** What resources say of the scopes of these applications. */
  readonly scopeDescriptions: readonly ScopeDescription[]
}

/** Looks up what has access to the account of the person who asks. Two round trips. */
export async function accountOverview(
  { database, settings }: Pick<Signet, 'database' | 'settings'>,
  present: OwnSession,
): Promise<AccountOverview> {
  const { sub } = present.account
  const [{ sessions, count, isCut }, connected] = await Promise.all([
    listSessions(database, sub, present.id, settings.sessionIdleTtl, mostSessions),
    listConnectedApplications(database, sub, settings.sessionIdleTtl, mostApplications),
  ])
  const scopes = new Set(connected.applications.flatMap((application) => application.scopes))
  return {
    sessions,
    sessionCount: count,
    sessionsAreCut: isCut,
    applications: connected.applications,
    applicationsAreCut: connected.isCut,
    scopeDescriptions: await findScopeDescriptions(database, [...scopes]),
  }
}
