import { isReadOnly } from '../platform/database/primary-store.ts'
import type { Signet } from '../signet.ts'

type Terms = Pick<Signet, 'database' | 'databaseProblem' | 'keyRing' | 'secrets' | 'log'>

/** Why this node cannot serve at the moment, one sentence per reason. Empty if it can: it has an active key and a writable primary. */
export async function readinessProblems({
  database,
  databaseProblem,
  keyRing,
  secrets,
  log,
}: Terms): Promise<readonly string[]> {
  const problems = [
    ...(keyRing.isReady() ? [] : ['no active key, or none that could be confirmed in time']),
    ...(secrets.isReady() ? [] : ['the purpose secrets could not be confirmed in time']),
  ]
  const written = databaseProblem()
  if (written !== undefined) problems.push(written)
  // The heartbeat has a connection of its own; requests need those of the pool. Where requests hold all of them, waiting for one
  // would measure the load and not the database.
  const isBusy = database.idleCount === 0 && database.totalCount >= database.limit
  if (!isBusy)
    try {
      if (await isReadOnly(database)) problems.push('a connection leads to a database that accepts no writes')
    } catch (err) {
      log.warn({ err }, 'The database does not answer.')
      problems.push('the database does not answer')
    }
  return problems
}
