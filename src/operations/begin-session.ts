import type { Queryable } from '../platform/database/queryable.ts'
import { findAccount } from '../records/accounts/accounts-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { NewSession } from '../records/sessions/sessions-store.ts'
import { type BrowserDigests, startSession } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { notifyPerson } from './notify-person.ts'

/**
 * Signs a browser in to an existing account whose person has just proven themselves, with the event `signed_in`. If nobody has signed in to the account in
 * this browser before, but in another, the person is told by mail. Everything happens in the caller's transaction.
 *
 * The first browser of an account is not reported. Most accounts are created in it.
 *
 * @param tx a transaction that has locked the account and has made sure that what was proven is still valid
 * @returns undefined if the account has been disabled or deleted; `left` if rows of the browser's previous session remain to be updated
 */
export async function beginSession(
  tx: Queryable,
  signet: Pick<Signet, 'settings' | 'secrets' | 'clock'>,
  person: Person,
  browser: BrowserDigests,
  { amr, factor, authTime }: Pick<NewSession, 'amr' | 'factor' | 'authTime'>,
): Promise<{ readonly left: boolean } | undefined> {
  const { sub, caller } = person
  const who = { sub, authTime, amr, factor, caller, sidVersion: signet.secrets['session-id'].current }
  const started = await startSession(tx, signet.settings.sessionTtl, browser, who)
  if (!started) return undefined
  const { left, isNewBrowser } = started
  const detail = { amr, ...(isNewBrowser && { new_browser: true }) }
  await recordEvent(tx, { type: 'signed_in', caller, sub, detail })
  if (!isNewBrowser) return { left }
  const account = await findAccount(tx, sub)
  const mail = { kind: 'sign-in-from-new-browser', at: signet.clock.now() } as const
  if (account) await notifyPerson(tx, signet, person, account, mail)
  return { left }
}
