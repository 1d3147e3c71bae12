import { isReadOnly } from '../platform/database/primary-store.ts'
import type { Signet } from '../signet.ts'

type Context = Pick<Signet, 'database' | 'databaseProblem' | 'keyRing' | 'secrets' | 'log'>

/** Why this node cannot serve requests at the moment, one text per reason. Empty if it can: it has an active key and a writable primary. */
export async function readinessProblems({
  database,
  databaseProblem,
  keyRing,
  secrets,
  log,
}: Context): Promise<readonly string[]> {
  const problems = [
    ...(keyRing.isReady() ? [] : ['no active key, or the active key could not be confirmed in time']),
    ...(secrets.isReady() ? [] : ['the purpose secrets could not be confirmed in time']),
  ]
  const problem = databaseProblem()
  if (problem !== undefined) problems.push(problem)
  // The heartbeat has its own connection, but requests use the pool. If requests hold all of its connections, waiting for one would measure
  // the load and not the database.
  const isBusy = database.idleCount === 0 && database.totalCount >= database.limit
  if (!isBusy)
    try {
      if (await isReadOnly(database)) problems.push('a connection leads to a database that accepts no writes')
    } catch (err) {
      log.warn({ err }, 'The readiness check failed: the database does not respond.')
      problems.push('the database does not respond')
    }
  return problems
}
