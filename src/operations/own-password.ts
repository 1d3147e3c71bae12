import { keepReplacedPassword } from '../records/accounts/account-password-store.ts'
import { setPasswordHash } from '../records/accounts/accounts-store.ts'
import { type KeepReason, whyKept } from '../records/accounts/factor-removal.ts'
import { isFreshlyProven, kindsOf, needsSecondFactor } from '../records/accounts/factors.ts'
import { listFactors, removeFactor } from '../records/accounts/factors-store.ts'
import { voidOpenLinks } from '../records/accounts/open-links-store.ts'
import type { Requester } from '../records/accounts/password-hashing.ts'
import { isShortPassword, type PasswordFault } from '../records/accounts/password-rules.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import type { signedOut } from './as-signed-in.ts'
import { undoTtl } from './change-email.ts'
import { newPasswordFault } from './new-password.ts'
import { notifyPerson } from './notify-person.ts'
import { asFreshlyProven, stale } from './own-factors.ts'
import { countOf, endPasswordSessions } from './own-sessions.ts'

export type AddedPassword =
  | { readonly outcome: 'added' }
  | { readonly outcome: 'faulty'; readonly fault: 'password_missing' | PasswordFault }
  /** `exists`: the account has a password, which can be changed. `off`: nobody signs in with a password here. */
  | { readonly outcome: 'exists' | 'off' | typeof stale | typeof signedOut }

/**
 * Gives an account that has no password one. The person is told by mail.
 *
 * @param wanted as typed
 * @throws HashQueueFull, TooManyWaiting
 */
export async function addOwnPassword(
  signet: Signet,
  actor: Person,
  session: Session,
  wanted: string | undefined,
  requester: Requester,
): Promise<AddedPassword> {
  const { settings, database, clock } = signet
  const { account } = session
  const { sub } = account
  if (settings.passwordSignIn === 'off') return { outcome: 'off' }
  if (wanted === undefined) return { outcome: 'faulty', fault: 'password_missing' }
  // Before the password is hashed; the transaction checks this again.
  const before = kindsOf(await listFactors(database, sub))
  if (!isFreshlyProven(session, before, clock.now())) return { outcome: stale }
  if (before.includes('password')) return { outcome: 'exists' }
  const fault = await newPasswordFault(signet, wanted, account, [...before, 'password'])
  if (fault) return { outcome: 'faulty', fault }
  const hash = await signet.passwords.hash(wanted, requester)
  const isShort = isShortPassword(wanted, settings)

  const added = await asFreshlyProven(signet, session, async (tx, factors): Promise<AddedPassword> => {
    const kinds = kindsOf(factors)
    if (kinds.includes('password')) return { outcome: 'exists' }
    if (isShort && !needsSecondFactor(settings, [...kinds, 'password']))
      return { outcome: 'faulty', fault: 'password_too_short' }
    await setPasswordHash(tx, sub, { hash, isShort })
    await voidOpenLinks(tx, sub)
    await recordEvent(tx, { type: 'password_set', caller: actor.caller, sub })
    await notifyPerson(tx, signet, actor, account, { kind: 'factor-added', factor: 'password', at: clock.now() })
    return { outcome: 'added' }
  })
  return typeof added === 'string' ? { outcome: added } : added
}

/**
 * Removes the password of a person who can sign in with a passkey. Their other sessions that were started with the password alone end, and links that were
 * sent for the account before have no effect any more. The person is told by mail.
 *
 * @throws TooManyWaiting
 */
export async function removeOwnPassword(
  signet: Signet,
  actor: Person,
  session: Session,
): Promise<'removed' | 'gone' | KeepReason | typeof stale | typeof signedOut> {
  const { account } = session
  const { sub } = account
  let left = false
  const outcome = await asFreshlyProven(signet, session, async (tx, factors) => {
    const password = factors.find(({ kind }) => kind === 'password')
    if (!password) return 'gone'
    const reason = whyKept(signet.settings, factors, password.id)
    if (reason) return reason
    await keepReplacedPassword(tx, sub, undoTtl)
    await removeFactor(tx, sub, password.id)
    await voidOpenLinks(tx, sub)
    const ended = await endPasswordSessions(tx, session)
    left = ended.left
    const detail = countOf('sessions_ended', ended)
    await recordEvent(tx, { type: 'password_removed', caller: actor.caller, sub, detail })
    const mail = { kind: 'factor-removed', factor: 'password', by: 'person', at: signet.clock.now() } as const
    await notifyPerson(tx, signet, actor, account, mail)
    return 'removed'
  })
  if (left) signet.endings.wake()
  return outcome
}
