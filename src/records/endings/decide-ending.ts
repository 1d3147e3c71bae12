import type { Database } from '../../platform/database/pool.ts'
import { inTransaction, type Queryable } from '../../platform/database/queryable.ts'
import type { ClientId } from '../ids.ts'
import { deleteConnectionsOf, deleteGrantsOf, deleteMarkedClient, deleteRecordsOf } from './delete-rows-store.ts'
import { endFamiliesOf, endGrantsOf, endSessionsOf } from './end-rows-store.ts'
import type { Ending } from './ending.ts'
import {
  type EndedRows,
  hasDueEnding,
  lockNextEnding,
  postponeEnding,
  recordBatch,
  recordEnding,
  removeEnding,
} from './endings-store.ts'

/** The maximum number of rows that a decision updates in its own transaction. Most people and sessions have fewer. */
const maxRowsInDecision = 100

/** The maximum number of rows that one batch updates. It locks them for a few milliseconds. */
const batchSize = 500

/**
 * The maximum number of sessions among these. Each can add two hundred jobs to the queue, which tell clients that it has ended
 * (sql/033.do.back-channel-logout.sql).
 */
const maxSessions = 50

/**
 * The delay after which a decision is processed once more, in seconds. A grant that was being opened when the decision was made has ended like the
 * others, but its row may have been committed later. No transaction lasts this long.
 */
const settleTime = 15

/** The same for a revoked secret: a node that does not know of the revocation yet may start families until its lease ends. */
const settleTimeOfSecret = 180

const settleTimeOf = ({ kind }: Ending) => (kind === 'refresh_secret' ? settleTimeOfSecret : settleTime)

export type { EndedRows } from './endings-store.ts'

/** A recorded decision, and the number of rows that were updated in its own transaction. */
export interface Decided extends EndedRows {
  /** The ID of the decision, for `findEndedRows`. */
  readonly ending: number
}

const nothing: EndedRows = { sessions: 0, grants: 0, left: false }

/**
 * Records a decision that has just been made in this transaction, and updates a limited number of its rows. The other rows are updated later; all
 * of them count as ended from the commit on.
 *
 * @param before the number of grants whose rows the caller has already updated; they are added to the count
 */
export async function decideEnding(
  tx: Queryable,
  ending: Exclude<Ending, { kind: 'client' | 'refresh_secret' }>,
  before = 0,
): Promise<Decided> {
  // Rows that an earlier decision has ended must get the reason of that decision, so the earlier decision is processed first.
  if (await hasDueEnding(tx, ending)) {
    const later = { sessions: 0, grants: before, left: true }
    return { ...later, ending: await recordEnding(tx, ending, undefined, 0, later) }
  }
  return startEnding(tx, ending, undefined, maxRowsInDecision, before)
}

/**
 * Records that a client has just been marked as deleted. No row is deleted in this transaction: deleting the row of the client would wait for
 * requests that refer to it, and new ones can arrive until the mark is committed.
 */
export async function decideDeletion(tx: Queryable, clientId: ClientId): Promise<void> {
  await recordEnding(tx, { kind: 'client', reason: 'client_deleted', clientId }, undefined, 0)
}

/**
 * Processes a batch of the ending that has been due for the longest time. Any number of processes may do this concurrently, and each may be killed
 * at any moment.
 *
 * @returns whether there was one
 * @throws EndingFailed if an ending could not be processed. It has been postponed, so that it does not hold up the others
 */
export async function endNextBatch(database: Database): Promise<boolean> {
  let taken: number | undefined
  try {
    return await inTransaction(database, async (tx) => {
      const recorded = await lockNextEnding(tx)
      if (!recorded) return false
      const { id, ending, decidedAt, age } = recorded
      taken = id
      const ended = await endBatchOf(tx, ending, decidedAt, batchSize)
      if (ended.left) await recordBatch(tx, id, 0, ended)
      else if (ending.kind === 'client') {
        await deleteMarkedClient(tx, ending.clientId)
        await removeEnding(tx, id)
      } else if (age > settleTimeOf(ending)) await removeEnding(tx, id)
      else await recordBatch(tx, id, settleTime, ended)
      return true
    })
  } catch (cause) {
    if (taken === undefined) throw cause
    await postponeEnding(database, taken, 60)
    throw new EndingFailed(taken, { cause })
  }
}

/** An ending could not be processed. The message contains its ID. */
export class EndingFailed extends Error {
  constructor(id: number, options: ErrorOptions) {
    super(`Ending ${id} failed and will be retried in a minute.`, options)
    this.name = 'EndingFailed'
  }
}

async function startEnding(
  tx: Queryable,
  ending: Ending,
  decidedAt: Date | undefined,
  maxRows: number,
  before = 0,
): Promise<Decided> {
  const { sessions, grants, left } = await endBatchOf(tx, ending, decidedAt, maxRows)
  const ended = { sessions, grants: grants + before, left }
  return { ...ended, ending: await recordEnding(tx, ending, decidedAt, ended.left ? 0 : settleTime, ended) }
}

async function endBatchOf(
  tx: Queryable,
  ending: Ending,
  decidedAt: Date | undefined,
  maxRows: number,
): Promise<EndedRows> {
  switch (ending.kind) {
    case 'account': {
      const sessions = await endSessionsOf(tx, ending, decidedAt, Math.min(maxRows, maxSessions))
      const grants = await endGrantsOf(tx, ending, decidedAt, maxRows)
      const connections =
        ending.reason === 'account_deleted' ? await deleteConnectionsOf(tx, ending.sub, maxRows) : undefined
      return {
        sessions: sessions.rows,
        grants: grants.rows,
        left: sessions.left || grants.left || (connections?.left ?? false),
      }
    }
    case 'sessions': {
      const { ids, rows, left } = await endSessionsOf(tx, ending, decidedAt, Math.min(maxRows, maxSessions))
      if (ids.length === 0) return { ...nothing, left }
      const { sub, reason } = ending
      const bound = await startEnding(tx, { kind: 'session_grants', reason, sub, sessionIds: ids }, decidedAt, maxRows)
      return { sessions: rows, grants: bound.grants, left: left || bound.left }
    }
    case 'account_grants':
    case 'session_grants':
    case 'connection':
    case 'client_grants': {
      const { rows, left } = await endGrantsOf(tx, ending, decidedAt, maxRows)
      return { sessions: 0, grants: rows, left }
    }
    case 'refresh_secret': {
      const { rows, left } = await endFamiliesOf(tx, ending, decidedAt, maxRows)
      return { sessions: 0, grants: rows, left }
    }
    case 'client': {
      const grants = await deleteGrantsOf(tx, ending.clientId, maxRows)
      const records = await deleteRecordsOf(tx, ending.clientId, maxRows)
      return { sessions: 0, grants: grants.rows, left: grants.left || records.left }
    }
  }
}
