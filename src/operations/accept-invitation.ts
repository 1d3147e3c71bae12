import { inTransaction } from '../platform/database/queryable.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import { insertAccount, lockAddress, setEmailVerified } from '../records/accounts/accounts-store.ts'
import {
  findInvitation,
  joinInvitedGroups,
  type PresentedInvitation,
  spendInvitation,
} from '../records/accounts/invitations-store.ts'
import { readLinkToken } from '../records/accounts/link-tokens.ts'
import { recordEvent, recordEvents } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { type BrowserDigests, startSession } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { invitationId } from './invite-person.ts'
import type { Visitor } from './matching-account.ts'
import { newPasswordFault } from './new-password.ts'
import { signIn } from './sign-in.ts'
import { type TypedAccountFaults, typedAccountFaults } from './sign-up.ts'
import { withRollback } from './with-rollback.ts'

/** `taken`: an account has verified the address meanwhile. Only somebody who can read its mail learns this. */
export type InvitationState =
  | { readonly state: 'open' | 'taken' | 'accepted'; readonly email: string; readonly name: string | undefined }
  | { readonly state: 'invalid' }

/** What the link of an invitation leads to. Changes nothing, because mail scanners follow links. @param token as it was sent */
export async function readInvitation({ database }: Pick<Signet, 'database'>, token: string): Promise<InvitationState> {
  const read = readLinkToken(token)
  return read === undefined ? { state: 'invalid' } : stateOf(await findInvitation(database, digest(read)))
}

function stateOf(found: PresentedInvitation | undefined): InvitationState {
  if (!found) return { state: 'invalid' }
  const { email, name, isAccepted, isTaken } = found
  return { state: isAccepted ? 'accepted' : isTaken ? 'taken' : 'open', email, name }
}

export type AcceptOutcome =
  | { readonly outcome: 'created' | 'signed_in' | 'invalid' }
  | { readonly outcome: 'taken'; readonly email: string }
  | { readonly outcome: 'faulty'; readonly email: string; readonly faults: TypedAccountFaults }

/**
 * Creates the account that a person was invited to, with the verified address of the invitation, and signs the browser in. An invitation works
 * once: of several concurrent forms, one creates an account. Another form with the same password, such as one that was sent twice, signs in to it.
 *
 * Forms are counted for each invitation, not for each network. An invitation whose form is not accepted stays open.
 *
 * @param token as it was sent
 * @param browser its session uses the new cookie once this has returned `created` or `signed_in`
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function acceptInvitation(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  token: string,
  { name, password }: { readonly name: string | undefined; readonly password: string | undefined },
): Promise<AcceptOutcome> {
  const invitation = await readInvitation(signet, token)
  if (invitation.state === 'invalid') return { outcome: 'invalid' }
  const { email, state } = invitation
  if (state === 'taken') return { outcome: 'taken', email }
  if (state === 'accepted') return signInInstead(signet, caller, browser, email, password)
  const invited = digest(token)
  await signet.limits.beforeInvitation(invited.toString('base64url'))
  const faults = typedAccountFaults({ name, email, password }, signet.settings)
  if (Object.keys(faults).length > 0 || !password) return { outcome: 'faulty', email, faults }
  const fault = await newPasswordFault(signet, password, { name, email })
  if (fault) return { outcome: 'faulty', email, faults: { password: fault } }
  const passwordHash = await signet.passwords.hash(password, caller)
  const created = await createInvited(signet, caller, browser, { digest: invited, email, name, passwordHash })
  if (created === 'done') return { outcome: 'created' }
  // Accepted, cancelled or replaced while the password was being hashed.
  const now = await readInvitation(signet, token)
  if (now.state === 'accepted') return signInInstead(signet, caller, browser, email, password)
  return now.state === 'taken' ? { outcome: 'taken', email } : { outcome: 'invalid' }
}

/** For a form that was sent twice. Everybody else learns what they would on the sign-in page, under its limits. */
async function signInInstead(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  email: string,
  password: string | undefined,
): Promise<AcceptOutcome> {
  if (!password) return { outcome: 'invalid' }
  const { outcome } = await signIn(signet, caller, browser, { username: email, password })
  return { outcome: outcome === 'signed_in' ? 'signed_in' : 'invalid' }
}

interface Invited {
  readonly digest: Buffer
  readonly email: string
  readonly name: string | undefined
  readonly passwordHash: string
}

/** @returns `not_open` if the invitation can no longer be accepted, or somebody has verified the address; nothing was changed */
async function createInvited(
  { database, settings, clock, secrets, endings }: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { digest: invited, email, name, passwordHash }: Invited,
): Promise<'done' | 'not_open'> {
  const sub = randomText(16) as Sub
  const created = await withRollback<'not_open', { readonly left: boolean }>((rollBack) =>
    inTransaction(database, async (tx) => {
      await lockAddress(tx, email)
      const invitation = await spendInvitation(tx, invited, sub)
      if (!invitation) return rollBack('not_open')
      const profile = name === undefined ? {} : { name }
      const inserted = await insertAccount(tx, { sub, profile, email, passwordHash, signedUp: true })
      // A sign-up sets no user name, and its address is not verified yet, so neither can be taken.
      if (inserted !== 'done') throw new Error(`An account could not be inserted: ${inserted}.`)
      if ((await setEmailVerified(tx, sub)) !== 'done') return rollBack('not_open')
      const groups = await joinInvitedGroups(tx, invited, sub)
      const who = { sub, authTime: clock.now(), amr: ['pwd'], caller, sidVersion: secrets['session-id'].current }
      const session = await startSession(tx, settings.sessionTtl, browser, who)
      const id = invitationId(invited)
      const missing = invitation.groups.filter((group) => !groups.includes(group))
      await recordEvent(tx, { type: 'account_created', caller, sub, detail: { email_verified: true, invitation: id } })
      await recordEvent(tx, {
        ...{ type: 'invitation_accepted', caller, sub },
        detail: { invitation: id, ...(missing.length > 0 && { groups_missing: missing }) },
      })
      await recordEvents(
        tx,
        groups.map((group) => ({ type: 'group_member_added', caller, sub, detail: { group, invitation: id } })),
      )
      return { left: session?.left ?? false }
    }),
  )
  if (created === 'not_open') return created
  if (created.left) endings.wake()
  return 'done'
}
