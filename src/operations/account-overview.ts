import { findPendingEmail } from '../records/accounts/email-verifications-store.ts'
import { type ConnectedApplication, listConnectedApplications } from '../records/grants/connected-applications-store.ts'
import type { ScopeDescription } from '../records/resources/resource.ts'
import { findScopeDescriptions } from '../records/resources/resources-store.ts'
import { type ListedSession, listSessions } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { claimsBeyond } from '../tokens/requested-claims.ts'
import type { OwnSession } from './as-signed-in.ts'

/*
 * What the pages of an account show beyond the account itself. Each page reads only what it shows.
 */

/** Limits of the lists: someone who signs in with a script can have thousands of sessions. */
const maxSessions = 20
const maxApplications = 100

type Context = Pick<Signet, 'database' | 'settings'>

/** Where a person is signed in. */
export interface SessionsOverview {
  /** The current one first, then by last use. */
  readonly sessions: readonly ListedSession[]
  /** The number of live sessions, whether or not they are listed. */
  readonly sessionCount: number
  /** Whether there may be more sessions than `sessionCount`. */
  readonly sessionsTruncated: boolean
}

/** Looks up where the signed-in person is signed in. */
export async function sessionsOverview(
  { database, settings }: Context,
  session: OwnSession,
): Promise<SessionsOverview> {
  const { sub } = session.account
  const listed = await listSessions(database, sub, session.id, settings.sessionIdleTtl, maxSessions)
  return { sessions: listed.sessions, sessionCount: listed.count, sessionsTruncated: listed.isTruncated }
}

/** The applications that have access to an account. */
export interface ApplicationsOverview {
  /** Ordered by name. */
  readonly applications: readonly ConnectedApplication[]
  /** Whether there may be more applications than are listed. */
  readonly applicationsTruncated: boolean
  /** The descriptions that resources give for the scopes of these applications. */
  readonly scopeDescriptions: readonly ScopeDescription[]
}

/** Looks up which applications have access to the account of the signed-in person. Takes two round trips. */
export async function applicationsOverview(
  { database, settings }: Context,
  session: OwnSession,
): Promise<ApplicationsOverview> {
  const { sub } = session.account
  const connected = await listConnectedApplications(database, sub, settings.sessionIdleTtl, maxApplications)
  const scopes = new Set(connected.applications.flatMap((application) => application.scopes))
  return {
    // The scopes include their own claims.
    applications: connected.applications.map((application) => ({
      ...application,
      claims: claimsBeyond(application.scopes, { userinfo: application.claims, idToken: [] }),
    })),
    applicationsTruncated: connected.isTruncated,
    scopeDescriptions: await findScopeDescriptions(database, [...scopes]),
  }
}

/** The address that becomes the signed-in person's once it is confirmed; undefined if no change is pending. */
export async function pendingEmailOf(
  { database, settings }: Context,
  session: OwnSession,
): Promise<string | undefined> {
  return settings.mail.delivery === 'none' ? undefined : findPendingEmail(database, session.account.sub)
}
