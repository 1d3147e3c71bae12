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

type Terms = Pick<Signet, 'database' | 'endings' | 'turns'>

/**
 * Ends a grant, and with it its codes, refresh tokens and access tokens. That is final.
 *
 * @param grant `sub` undefined: client_credentials
 * @returns false where it had ended before
 */
export async function revokeGrant(
  { database, turns }: Pick<Signet, 'database' | 'turns'>,
  actor: Exclude<Actor, { kind: 'person' }>,
  grant: { readonly id: GrantId; readonly clientId: ClientId; readonly sub: Sub | undefined },
): Promise<boolean> {
  const end = async (tx: Queryable): Promise<boolean> => {
    if (!(await endGrant(tx, grant.id, actor.kind === 'client' ? 'revoked_by_client' : 'revoked_by_operator')))
      return false
    const type = actor.kind === 'client' ? 'token_revoked' : 'grant_revoked'
    await recordEvent(tx, { type, ...originOf(actor), clientId: grant.clientId, sub: grant.sub, grantId: grant.id })
    return true
  }
  return turns.take(`grant ${grant.id}`, () => inTransaction(database, end))
}

/*
 * Ending many grants at once. All of them have ended when these functions return, however many there are, and a grant that is being opened
 * at the same moment ends as well; rows and events of the grants follow. Sessions go on, so people and clients can open new grants at once.
 * Consents stay, too, unless the caller asks otherwise.
 */

/** The decision, and the grants that ended in its own transaction. */
export interface RevokedGrants extends Decided {
  readonly consentForgotten?: boolean
}

/** Ends all grants of a person, those with `offline_access` included. */
export async function revokeGrantsOfPerson(
  signet: Terms,
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
 * Ends all grants that a person has at a client.
 *
 * @param consent whether the person is asked again before the client gets another grant
 */
export async function revokeGrantsOfConnection(
  signet: Terms,
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

/** Ends all grants of a client: those of every person, and those that it has for itself (client_credentials). */
export async function revokeGrantsOfClient(
  signet: Pick<Terms, 'database' | 'endings'>,
  actor: Actor,
  clientId: ClientId,
): Promise<RevokedGrants | 'no_such_client'> {
  const revoked = await inTransaction(signet.database, async (tx) => {
    const epoch = await endGrantsOfClient(tx, clientId)
    if (epoch === undefined) return 'no_such_client'
    const standing = await endStandingGrants(tx, clientId)
    const followed = await decideEnding(
      tx,
      { kind: 'client_grants', reason: 'revoked_by_operator', clientId, epoch },
      standing,
    )
    await recordEvent(tx, { type: 'grants_revoked', ...originOf(actor), clientId, detail: countOf(followed) })
    return followed
  })
  if (revoked !== 'no_such_client' && revoked.left) signet.endings.due()
  return revoked
}

/**
 * Takes back what a person allowed an application: the consent is forgotten and all grants end, however many there are. Rows and events
 * of the grants follow.
 *
 * @param present the session by which they ask
 */
export async function disconnectApplication(
  signet: Terms,
  actor: Actor,
  present: OwnSession,
  clientId: ClientId,
): Promise<'done' | 'not_connected' | typeof signedOut> {
  const { sub } = present.account
  const followed = await asSignedIn(signet, present, async (tx) => {
    const epoch = await endConnection(tx, sub, clientId)
    if (epoch === undefined) return undefined
    const ended = await decideEnding(tx, { kind: 'connection', reason: 'disconnected', sub, clientId, epoch })
    await recordEvent(tx, {
      type: 'application_disconnected',
      ...originOf(actor),
      clientId,
      sub,
      detail: countOf(ended),
    })
    return ended
  })
  if (followed === signedOut) return signedOut
  if (followed?.left) signet.endings.due()
  return followed ? 'done' : 'not_connected'
}

async function ofAccount<R extends string>(
  signet: Terms,
  sub: Sub,
  decide: (tx: Queryable) => Promise<RevokedGrants | R>,
): Promise<RevokedGrants | R | 'no_such_account'> {
  const revoked = await signet.turns.take(accountTurn(sub), () =>
    inTransaction(signet.database, async (tx) => ((await lockAccount(tx, sub)) ? decide(tx) : 'no_such_account')),
  )
  if (typeof revoked !== 'string' && revoked.left) signet.endings.due()
  return revoked
}

/** How many, for an event. Of very many, those that had followed by then; `more` says so. */
function countOf({ grants, left }: Decided): Record<string, number | boolean> {
  return { grants, ...(left && { more: true }) }
}
