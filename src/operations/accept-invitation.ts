import { inTransaction } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { lockAddress, setEmailVerified } from '../records/accounts/accounts-store.ts'
import {
  findInvitation,
  joinInvitedGroups,
  type PresentedInvitation,
  spendInvitation,
} from '../records/accounts/invitations-store.ts'
import { readLinkToken } from '../records/accounts/link-tokens.ts'
import { recordEvents } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { BrowserDigests } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { type FirstCredential, firstPassword, insertSignedUp, startFirstSession } from './create-signed-up.ts'
import type { SentPasskey } from './first-passkey.ts'
import { invitationId } from './invite-person.ts'
import type { Visitor } from './matching-account.ts'
import { readNewPasskey } from './new-passkey.ts'
import { newPasswordFault } from './new-password.ts'
import { signIn } from './sign-in.ts'
import { type TypedAccountFaults, typedAccountFaults, typedNamesFaults } from './sign-up.ts'
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
  /** `recoveryCodes`: to be shown once, if the person has created a passkey. */
  | { readonly outcome: 'created'; readonly sub: Sub; readonly recoveryCodes: readonly string[] }
  /** `second_factor_needed`: the form was sent again, and nobody is signed in yet (sign-in.ts). */
  | { readonly outcome: 'signed_in' | 'second_factor_needed' | 'invalid' }
  | { readonly outcome: 'taken'; readonly email: string }
  | { readonly outcome: 'faulty'; readonly email: string; readonly faults: TypedAccountFaults }

/** What an invited person enters: a password, or a passkey that their browser has created. */
export interface AcceptingPerson {
  readonly name: string | undefined
  readonly password: string | undefined
  readonly passkey: SentPasskey | undefined
}

/**
 * Creates the account that a person was invited to, with the verified address of the invitation, and signs the browser in. An invitation works
 * once: of several concurrent forms, one creates an account. Another form with the same password, such as one that was sent twice, signs in to it.
 *
 * Forms are counted for each invitation, not for each network. An invitation whose form is not accepted stays open.
 *
 * @param token as it was sent
 * @param browser its session uses the new cookie once this has returned `created` or `signed_in`; its unfinished sign-in does after `second_factor_needed`
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function acceptInvitation(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  token: string,
  person: AcceptingPerson,
): Promise<AcceptOutcome> {
  const { name, password } = person
  const invitation = await readInvitation(signet, token)
  if (invitation.state === 'invalid') return { outcome: 'invalid' }
  const { email, state } = invitation
  if (state === 'taken') return { outcome: 'taken', email }
  if (state === 'accepted') return signInInstead(signet, caller, browser, email, password)
  const invited = digest(token)
  await signet.limits.beforeInvitation(invited.toString('base64url'))
  const credential = await credentialOf(signet, caller, browser, email, person)
  if (!('kind' in credential)) return { outcome: 'faulty', email, faults: credential }
  const created = await createInvited(signet, caller, browser, { digest: invited, email, name, credential })
  if (created === 'passkey_exists') return { outcome: 'faulty', email, faults: { form: 'new_passkey_refused' } }
  if (created !== 'not_open') return { outcome: 'created', sub: created.sub, recoveryCodes: created.recoveryCodes }
  // Accepted, cancelled or replaced while the password was being hashed.
  const now = await readInvitation(signet, token)
  if (now.state === 'accepted') return signInInstead(signet, caller, browser, email, password)
  return now.state === 'taken' ? { outcome: 'taken', email } : { outcome: 'invalid' }
}

async function credentialOf(
  signet: Signet,
  caller: Visitor,
  { browserDigest }: BrowserDigests,
  email: string,
  { name, password, passkey }: AcceptingPerson,
): Promise<FirstCredential | TypedAccountFaults> {
  if (passkey !== undefined || signet.settings.passwordSignIn === 'off') {
    const faults = typedNamesFaults({ name, email })
    if (Object.keys(faults).length > 0) return faults
    const read = await readNewPasskey(signet, { browserDigest, use: 'sign-up', answer: passkey?.answer })
    return read ? { kind: 'passkey', passkey: read, device: passkey?.device ?? '' } : { form: 'new_passkey_refused' }
  }
  const faults = typedAccountFaults({ name, email, password }, signet.settings)
  if (Object.keys(faults).length > 0 || !password) return faults
  const fault = await newPasswordFault(signet, password, { name, email }, [])
  return fault ? { password: fault } : firstPassword(signet, caller, password)
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
  return { outcome: outcome === 'wrong_credentials' ? 'invalid' : outcome }
}

interface Invited {
  readonly digest: Buffer
  readonly email: string
  readonly name: string | undefined
  readonly credential: FirstCredential
}

interface Created {
  readonly sub: Sub
  readonly left: boolean
  readonly recoveryCodes: readonly string[]
}

/**
 * @returns `not_open` if the invitation can no longer be accepted, or somebody has verified the address; `passkey_exists` if some account has the passkey;
 *   nothing was changed then
 */
async function createInvited(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { digest: invited, email, name, credential }: Invited,
): Promise<Created | 'not_open' | 'passkey_exists'> {
  const id = invitationId(invited)
  const detail = { email_verified: true, invitation: id }
  const created = await withRollback<'not_open' | 'passkey_exists', Created>((rollBack) =>
    inTransaction(signet.database, async (tx) => {
      await lockAddress(tx, email)
      const inserted = await insertSignedUp(tx, signet, caller, { name, email, detail }, credential)
      if (inserted === 'passkey_exists') return rollBack(inserted)
      const { sub, recoveryCodes, events } = inserted
      const invitation = await spendInvitation(tx, invited, sub)
      if (!invitation) return rollBack('not_open')
      if ((await setEmailVerified(tx, sub)) !== 'done') return rollBack('not_open')
      const groups = await joinInvitedGroups(tx, invited, sub)
      const left = await startFirstSession(tx, signet, caller, browser, sub, credential)
      const missing = invitation.groups.filter((group) => !groups.includes(group))
      await recordEvents(tx, [
        ...events,
        {
          ...{ type: 'invitation_accepted', caller, sub },
          detail: { invitation: id, ...(missing.length > 0 && { groups_missing: missing }) },
        },
        ...groups.map((group) => ({
          ...({ type: 'group_member_added', caller, sub } as const),
          detail: { group, invitation: id },
        })),
      ])
      return { sub, left, recoveryCodes }
    }),
  )
  if (typeof created !== 'string' && created.left) signet.endings.wake()
  return created
}
