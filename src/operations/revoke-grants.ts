import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { lockAccount } from '../records/accounts/accounts-store.ts'
import { deleteConsent } from '../records/consents/consents-store.ts'
import { type Decided, decideEnding } from '../records/endings/decide-ending.ts'
import {
  endAllGrants,
  endConnection,
  endGrantsOfClient,
  endGrantsOfConnection,
} from '../records/endings/decisions-store.ts'
import { endGrant, endStandingGrants } from '../records/endings/end-rows-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { ClientId, GrantId, Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'
import { asSignedIn, type OwnSession, signedOut } from './as-signed-in.ts'

type Context = Pick<Signet, 'database' | 'endings' | 'turns'>

/**
 * Ends a grant permanently, with its codes, refresh tokens and access tokens, in one statement that also records the event.
 *
 * No transaction is needed. What the status of the token was is not checked again, because an end is final: whatever was redeemed or refreshed in the meantime
 * belongs to the same grant, and ends with it. A transaction would hold the lock on the grant during another round trip, for the event. Nothing relies on that: an
 * exchange of a code or a refresh token at the same time changes rows only while the grant is alive, and so comes entirely before this statement or
 * entirely after it. Of two revocations, the second waits for the row and finds the grant ended. So there is one event, and the families and notices that
 * triggers change with the row are part of the statement as well.
 *
 * @param grant `sub` is undefined for client_credentials
 * @returns false if it had already ended
 */
export async function revokeGrant(
  { database, turns }: Pick<Signet, 'database' | 'turns'>,
  actor: Exclude<Actor, { kind: 'person' }>,
  grant: { readonly id: GrantId; readonly clientId: ClientId; readonly sub: Sub | undefined },
): Promise<boolean> {
  const { id: grantId, clientId, sub } = grant
  const [type, reason] =
    actor.kind === 'client'
      ? (['token_revoked', 'revoked_by_client'] as const)
      : (['grant_revoked', 'revoked_by_operator'] as const)
  const event = { type, ...originOf(actor), clientId, sub, grantId }
  return turns.take(`grant ${grantId}`, () => endGrant(database, grantId, reason, event))
}

/*
 * These functions end many grants. All of them have ended when the function returns, no matter how many there are, including those that are
 * being opened at the same moment. The rows and events of the grants are written later. Sessions continue, so people and clients can open new
 * grants immediately. Consents are kept too, unless the caller asks otherwise.
 */

/** The decision, and how many grants were updated in the same transaction. */
export interface RevokedGrants extends Decided {
  readonly consentForgotten?: boolean
}

/** Ends all grants of a person, including those with `offline_access`. */
export async function revokeGrantsOfPerson(
  signet: Context,
  actor: Actor,
  sub: Sub,
): Promise<RevokedGrants | 'no_such_account'> {
  return ofAccount<never>(signet, sub, async (tx) => {
    const epoch = await endAllGrants(tx, sub, 'revoked_by_operator')
    const decided = await decideEnding(tx, { kind: 'account_grants', reason: 'revoked_by_operator', sub, epoch })
    await recordEvent(tx, { type: 'grants_revoked', ...originOf(actor), sub, detail: countOf(decided) })
    return decided
  })
}

/**
 * Ends all grants that a person has given to a client.
 *
 * @param consent `forgotten`: the person is asked again before the client gets another grant
 */
export async function revokeGrantsOfConnection(
  signet: Context,
  actor: Actor,
  { sub, clientId }: { readonly sub: Sub; readonly clientId: ClientId },
  consent: 'kept' | 'forgotten',
): Promise<RevokedGrants | 'no_such_account' | 'no_such_client'> {
  return ofAccount<'no_such_client'>(signet, sub, async (tx) => {
    const epoch = await endGrantsOfConnection(tx, sub, clientId)
    if (epoch === undefined) return 'no_such_client'
    const consentForgotten = consent === 'forgotten' && (await deleteConsent(tx, sub, clientId))
    const ending = { kind: 'connection', reason: 'revoked_by_operator', sub, clientId, epoch } as const
    const decided = await decideEnding(tx, ending)
    const detail = { ...countOf(decided), ...(consentForgotten && { consent_forgotten: true }) }
    await recordEvent(tx, { type: 'grants_revoked', ...originOf(actor), sub, clientId, detail })
    return { ...decided, consentForgotten }
  })
}

/** Ends all grants of a client: those of all people, and its own (client_credentials). */
export async function revokeGrantsOfClient(
  signet: Pick<Context, 'database' | 'endings'>,
  actor: Actor,
  clientId: ClientId,
): Promise<RevokedGrants | 'no_such_client'> {
  const revoked = await inTransaction(signet.database, (tx) => endGrantsOf(tx, actor, clientId))
  if (revoked !== 'no_such_client' && revoked.left) signet.endings.wake()
  return revoked
}

/** Does the same inside the caller's transaction. Afterwards the caller wakes the worker (`signet.endings`) if rows are left. */
export async function endGrantsOf(
  tx: Queryable,
  actor: Actor,
  clientId: ClientId,
): Promise<RevokedGrants | 'no_such_client'> {
  const epoch = await endGrantsOfClient(tx, clientId)
  if (epoch === undefined) return 'no_such_client'
  const standing = await endStandingGrants(tx, clientId)
  const ending = { kind: 'client_grants', reason: 'revoked_by_operator', clientId, epoch } as const
  const decided = await decideEnding(tx, ending, standing)
  await recordEvent(tx, { type: 'grants_revoked', ...originOf(actor), clientId, detail: countOf(decided) })
  return decided
}

/**
 * Withdraws an application's access to the account of a person: deletes the consent and ends all grants, no matter how many there are. The rows
 * and events of the grants are written later.
 *
 * @param session the person's session
 */
export async function disconnectApplication(
  signet: Context,
  actor: Actor,
  session: OwnSession,
  clientId: ClientId,
): Promise<'done' | 'not_connected' | typeof signedOut> {
  const { sub } = session.account
  const decided = await asSignedIn(signet, session, async (tx) => {
    const epoch = await endConnection(tx, sub, clientId)
    if (epoch === undefined) return undefined
    const ending = await decideEnding(tx, { kind: 'connection', reason: 'disconnected', sub, clientId, epoch })
    await recordEvent(tx, {
      type: 'application_disconnected',
      ...originOf(actor),
      clientId,
      sub,
      detail: countOf(ending),
    })
    return ending
  })
  if (decided === signedOut) return signedOut
  if (decided?.left) signet.endings.wake()
  return decided ? 'done' : 'not_connected'
}

async function ofAccount<R extends string>(
  signet: Context,
  sub: Sub,
  decide: (tx: Queryable) => Promise<RevokedGrants | R>,
): Promise<RevokedGrants | R | 'no_such_account'> {
  const revoked = await signet.turns.take(accountTurn(sub), () =>
    inTransaction(signet.database, async (tx) => ((await lockAccount(tx, sub)) ? decide(tx) : 'no_such_account')),
  )
  if (typeof revoked !== 'string' && revoked.left) signet.endings.wake()
  return revoked
}

/** The number of grants for an event. With a large number, it is only those whose rows have been updated so far, and `more` is set. */
function countOf({ grants, left }: Decided): Record<string, number | boolean> {
  return { grants, ...(left && { more: true }) }
}
