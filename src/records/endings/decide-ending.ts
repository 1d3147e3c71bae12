import type { Database } from '../../platform/database/pool.ts'
import { inTransaction, type Queryable } from '../../platform/database/queryable.ts'
import type { ClientId } from '../ids.ts'
import { deleteConnectionsOf, deleteGrantsOf, deleteMarkedClient, deleteRecordsOf } from './delete-rows-store.ts'
import { endFamiliesOf, endGrantsOf, endSessionsOf } from './end-rows-store.ts'
import type { Ending } from './ending.ts'
import {
  type Followed,
  hasDueEnding,
  noteBatch,
  postponeEnding,
  recordEnding,
  removeEnding,
  takeEnding,
} from './endings-store.ts'

/** Rows that a decision ends in its own transaction. Most people and sessions have fewer. */
const atOnce = 100

/** Rows that one step ends: it holds them for some milliseconds. */
const atATime = 500

/**
 * Seconds after which a decision is looked at once more. A grant that was being opened when it was made has ended like the others, but
 * its row may have been written later. No transaction lasts that long.
 */
const settleTime = 15

/** The same of a revoked secret: a node that has not heard of it may go on to start families for as long as its lease. */
const settleTimeOfSecret = 180

const settleTimeOf = ({ kind }: Ending) => (kind === 'refresh_secret' ? settleTimeOfSecret : settleTime)

export type { Followed } from './endings-store.ts'

/** A decision on record, and the rows that have followed it in its own transaction. */
export interface Decided extends Followed {
  /** Its number: `findFollowed` counts the rows by it. */
  readonly ending: number
}

const nothing: Followed = { sessions: 0, grants: 0, left: false }

/**
 * Records the decision that has just been made in this transaction, and ends a bounded number of its rows along with it. The rest
 * follow; all of them are judged as ended from the commit on.
 *
 * @param before grants of the decision whose rows have been ended already; they are counted with the others
 */
export async function decideEnding(
  tx: Queryable,
  ending: Exclude<Ending, { kind: 'client' | 'refresh_secret' }>,
  before = 0,
): Promise<Decided> {
  // What an earlier decision has ended says so when it follows: first come, first served.
  if (await hasDueEnding(tx, ending)) {
    const later = { sessions: 0, grants: before, left: true }
    return { ...later, ending: await recordEnding(tx, ending, undefined, 0, later) }
  }
  return startEnding(tx, ending, undefined, atOnce, before)
}

/**
 * Records that a client has just been marked as deleted. Nothing follows in this transaction: deleting the client's row would wait for
 * requests that refer to it, and until the mark is committed there can always be another one.
 */
export async function decideDeletion(tx: Queryable, clientId: ClientId): Promise<void> {
  await recordEnding(tx, { kind: 'client', reason: 'client_deleted', clientId }, undefined, 0)
}

/**
 * Does the next batch of the ending that has been due for longest. Any number of processes may do this at once, and each may be
 * killed at any moment.
 *
 * @returns whether there was one
 * @throws EndingFailed where one cannot be followed: it has been put off, so that the others are not kept waiting
 */
export async function followNext(database: Database): Promise<boolean> {
  let taken: number | undefined
  try {
    return await inTransaction(database, async (tx) => {
      const recorded = await takeEnding(tx)
      if (!recorded) return false
      const { id, ending, decidedAt, age } = recorded
      taken = id
      const followed = await followEnding(tx, ending, decidedAt, atATime)
      if (followed.left) await noteBatch(tx, id, 0, followed)
      else if (ending.kind === 'client') {
        await deleteMarkedClient(tx, ending.clientId)
        await removeEnding(tx, id)
      } else if (age > settleTimeOf(ending)) await removeEnding(tx, id)
      else await noteBatch(tx, id, settleTime, followed)
      return true
    })
  } catch (cause) {
    if (taken === undefined) throw cause
    await postponeEnding(database, taken, 60)
    throw new EndingFailed(taken, { cause })
  }
}

/** One ending could not be followed; the message names its row. */
export class EndingFailed extends Error {
  constructor(id: number, options: ErrorOptions) {
    super(`Ending ${id} failed and will be tried again in a minute.`, options)
    this.name = 'EndingFailed'
  }
}

async function startEnding(
  tx: Queryable,
  ending: Ending,
  decidedAt: Date | undefined,
  most: number,
  before = 0,
): Promise<Decided> {
  const { sessions, grants, left } = await followEnding(tx, ending, decidedAt, most)
  const followed = { sessions, grants: grants + before, left }
  return { ...followed, ending: await recordEnding(tx, ending, decidedAt, followed.left ? 0 : settleTime, followed) }
}

async function followEnding(
  tx: Queryable,
  ending: Ending,
  decidedAt: Date | undefined,
  most: number,
): Promise<Followed> {
  switch (ending.kind) {
    case 'account': {
      const sessions = await endSessionsOf(tx, ending, decidedAt, most)
      const grants = await endGrantsOf(tx, ending, decidedAt, most)
      const connections =
        ending.reason === 'account_deleted' ? await deleteConnectionsOf(tx, ending.sub, most) : undefined
      return {
        sessions: sessions.rows,
        grants: grants.rows,
        left: sessions.left || grants.left || (connections?.left ?? false),
      }
    }
    case 'sessions': {
      const { ids, rows, left } = await endSessionsOf(tx, ending, decidedAt, most)
      if (ids.length === 0) return { ...nothing, left }
      const { sub, reason } = ending
      const bound = await startEnding(tx, { kind: 'session_grants', reason, sub, sessionIds: ids }, decidedAt, most)
      return { sessions: rows, grants: bound.grants, left: left || bound.left }
    }
    case 'account_grants':
    case 'session_grants':
    case 'connection':
    case 'client_grants': {
      const { rows, left } = await endGrantsOf(tx, ending, decidedAt, most)
      return { sessions: 0, grants: rows, left }
    }
    case 'refresh_secret': {
      const { rows, left } = await endFamiliesOf(tx, ending, decidedAt, most)
      return { sessions: 0, grants: rows, left }
    }
    case 'client': {
      const grants = await deleteGrantsOf(tx, ending.clientId, most)
      const records = await deleteRecordsOf(tx, ending.clientId, most)
      return { sessions: 0, grants: grants.rows, left: grants.left || records.left }
    }
  }
}
