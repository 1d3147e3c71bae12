import { inTransaction } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { findVerifiedOwner } from '../records/accounts/accounts-by-name-store.ts'
import { lockAddress } from '../records/accounts/accounts-store.ts'
import { canonicalEmail } from '../records/accounts/canonical-names.ts'
import { deleteInvitation, type Invitation, putInvitation } from '../records/accounts/invitations-store.ts'
import { newLinkToken } from '../records/accounts/link-tokens.ts'
import { checkProfile } from '../records/accounts/profile-rules.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { checkGroupsOfAccount } from '../records/groups/group-rules.ts'
import { existingGroupNames } from '../records/groups/groups-store.ts'
import type { Signet } from '../signet.ts'
import { type Operator, originOf } from './actor.ts'
import { queueMail } from './queue-mail.ts'
import { withRollback } from './with-rollback.ts'

/** Whom an operator invites. All of it is unchecked. */
export interface NewInvitation {
  readonly email: string
  readonly name: string | undefined
  /** The groups that the account joins. */
  readonly groups: readonly string[]
  readonly validForDays: number
}

/** How the person gets the link: Signet sends it, or the operator hands it over and vouches that the address is the person's. */
export type Delivery =
  | {
      readonly by: 'mail'
      readonly secrets: Signet['secrets']
      /** The language of the mail; undefined: English. */
      readonly locale: string | undefined
    }
  | { readonly by: 'operator' }

export type InviteOutcome =
  | { readonly outcome: 'invited'; readonly invitation: Invitation; readonly link: string }
  | { readonly outcome: 'closed' | 'email_invalid' | 'email_taken' }
  | { readonly outcome: 'no_such_group'; readonly group: string }

/** Identifies an invitation in events, without the address, which is not deleted there, and without revealing the link. */
export function invitationId(invitationDigest: Buffer): string {
  return invitationDigest.toString('base64url').slice(0, 16)
}

/**
 * Invites a person to create an account. Their address then counts as verified: whoever has the link can read its mail, or has it from the
 * operator. An earlier invitation of the address is replaced. SIGNET_SIGN_UP_DOMAINS does not apply.
 *
 * @throws InvalidProfile, InvalidGroup
 */
export async function invitePerson(
  { database, settings }: Pick<Signet, 'database' | 'settings'>,
  actor: Operator,
  { name, groups: named, validForDays, ...given }: NewInvitation,
  delivery: Delivery,
): Promise<InviteOutcome> {
  if (settings.signUp === 'closed') return { outcome: 'closed' }
  checkProfile(name === undefined ? {} : { name })
  const groups = [...new Set(named)].sort()
  checkGroupsOfAccount(groups)
  const email = canonicalEmail(given.email.trim())
  if (email === undefined) return { outcome: 'email_invalid' }
  const token = newLinkToken()
  const link = `${settings.issuer}/sign-up?invitation=${token}`
  return withRollback<InviteOutcome, InviteOutcome>((rollBack) =>
    inTransaction(database, async (tx) => {
      // An account that is created with this address at the same time, by the earlier invitation, comes either before or after this.
      await lockAddress(tx, email)
      if (await findVerifiedOwner(tx, email)) return rollBack({ outcome: 'email_taken' })
      const existing = await existingGroupNames(tx, groups)
      const missing = groups.find((group) => !existing.includes(group))
      if (missing !== undefined) return rollBack({ outcome: 'no_such_group', group: missing })
      const stored = { digest: digest(token), email, name, groups, invitedBy: actor.by }
      const invitation = await putInvitation(tx, { ...stored, validFor: validForDays * 86_400 })
      if (delivery.by === 'mail')
        await queueMail(
          tx,
          { settings, secrets: delivery.secrets },
          {
            to: email,
            locale: delivery.locale,
            mail: { kind: 'invitation', link, name, days: validForDays },
            goodUntil: invitation.expiresAt.getTime(),
          },
        )
      const detail = { invitation: invitationId(stored.digest), link: delivery.by === 'mail' ? 'mailed' : 'printed' }
      await recordEvent(tx, {
        ...{ type: 'invitation_created', ...originOf(actor) },
        detail: { ...detail, days: validForDays, ...(groups.length > 0 && { groups }) },
      })
      return { outcome: 'invited', invitation, link }
    }),
  )
}

/**
 * Cancels the open invitation of an address.
 *
 * @param typed unchecked
 * @returns undefined if there is none
 */
export async function cancelInvitation(
  { database }: Pick<Signet, 'database'>,
  actor: Operator,
  typed: string,
): Promise<Invitation | undefined> {
  const email = canonicalEmail(typed.trim())
  if (email === undefined) return undefined
  return inTransaction(database, async (tx) => {
    const cancelled = await deleteInvitation(tx, email)
    if (!cancelled) return undefined
    const detail = { invitation: invitationId(cancelled.digest) }
    await recordEvent(tx, { type: 'invitation_cancelled', ...originOf(actor), detail })
    return cancelled
  })
}
