import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { lockAccount } from '../records/accounts/accounts-store.ts'
import { deleteConsent } from '../records/consents/consents-store.ts'
import { endAllGrants, endGrantsOfClient, endGrantsOfConnection } from '../records/endings/decisions-store.ts'
import { endStandingGrants } from '../records/endings/end-rows-store.ts'
import { type Decided, decideEnding } from '../records/endings/follow-ending.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'

/*
 * Ending many grants at once. All of them have ended when these functions return, however many there are, and a grant that is being opened
 * at the same moment ends as well; rows and events of the grants follow. Sessions go on, so people and clients can open new grants at once.
 * Consents stay, too, unless the caller asks otherwise.
 */

type Terms = Pick<Signet, 'database' | 'endings' | 'turns'>

/** The decision, and the grants that ended in its own transaction. */
export interface RevokedGrants extends Decided {
  readonly consentForgotten?: boolean
}

/**
 * Ends all grants of a person, those with `offline_access` included.
 *
 * @returns undefined if there is no such account
 */
export async function revokeGrantsOfPerson(
  signet: Terms,
  actor: Actor,
  sub: string,
): Promise<RevokedGrants | undefined> {
  return ofAccount(signet, sub, async (tx) => {
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
 * @returns undefined if there is no such account or client
 */
export async function revokeGrantsOfConnection(
  signet: Terms,
  actor: Actor,
  { sub, clientId }: { readonly sub: Sub; readonly clientId: string },
  consent: 'kept' | 'forgotten',
): Promise<RevokedGrants | undefined> {
  return ofAccount(signet, sub, async (tx) => {
    const epoch = await endGrantsOfConnection(tx, sub, clientId)
    if (epoch === undefined) return undefined
    const consentForgotten = consent === 'forgotten' && (await deleteConsent(tx, sub, clientId))
    const ending = { kind: 'connection', reason: 'revoked_by_operator', sub, clientId, epoch } as const
    const decided = await decideEnding(tx, ending)
    const detail = { ...countOf(decided), ...(consentForgotten && { consent_forgotten: true }) }
    await recordEvent(tx, { type: 'grants_revoked', ...originOf(actor), sub, clientId, detail })
    return { ...decided, consentForgotten }
  })
}

/**
 * Ends all grants of a client: those of every person, and those that it has for itself (client_credentials).
 *
 * @returns undefined if there is no such client
 */
export async function revokeGrantsOfClient(
  signet: Pick<Terms, 'database' | 'endings'>,
  actor: Actor,
  clientId: string,
): Promise<RevokedGrants | undefined> {
  const revoked = await inTransaction(signet.database, async (tx) => {
    const epoch = await endGrantsOfClient(tx, clientId)
    if (epoch === undefined) return undefined
    const standing = await endStandingGrants(tx, clientId)
    const followed = await decideEnding(
      tx,
      { kind: 'client_grants', reason: 'revoked_by_operator', clientId, epoch },
      standing,
    )
    await recordEvent(tx, { type: 'grants_revoked', ...originOf(actor), clientId, detail: countOf(followed) })
    return followed
  })
  if (revoked?.left) signet.endings.due()
  return revoked
}

async function ofAccount(
  signet: Terms,
  sub: string,
  decide: (tx: Queryable) => Promise<RevokedGrants | undefined>,
): Promise<RevokedGrants | undefined> {
  const revoked = await signet.turns.take(accountTurn(sub), () =>
    inTransaction(signet.database, async (tx) => ((await lockAccount(tx, sub)) ? decide(tx) : undefined)),
  )
  if (revoked?.left) signet.endings.due()
  return revoked
}

/** How many, for an event. Of very many, those that had followed by then; `more` says so. */
function countOf({ grants, left }: Decided): Record<string, number | boolean> {
  return { grants, ...(left && { more: true }) }
}
