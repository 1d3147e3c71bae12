import type { Queryable } from '../../src/platform/database/queryable.ts'
import { faultsOfPlan, type Index, type PlanNode, type Tables } from './judge-plan.ts'

/** Settings with which the planner avoids these steps if it can: if it still uses one, the statement cannot do without it. */
const avoided = ['seqscan', 'sort', 'bitmapscan', 'hashjoin', 'mergejoin']

/** Reads the indexes of the current schema from the catalog. */
export async function readIndexes(db: Queryable): Promise<Map<string, Index>> {
  const { rows } = await db.query<Index & { name: string }>({
    // A plan shows an expression without its COLLATE.
    text: `SELECT relname AS name, indrelid::regclass::text AS table, indisunique AS unique, pg_get_expr(indpred, indrelid) AS predicate,
             ARRAY(SELECT replace(pg_get_indexdef(indexrelid, key, true), ' COLLATE "C"', '') FROM generate_series(1, indnkeyatts) AS key) AS keys
           FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = current_schema()::regnamespace`,
  })
  return new Map(rows.map(({ name, ...index }) => [name, index]))
}

/**
 * Explains a statement with a generic plan, which is planned once for all values and is the worst that a prepared statement gets, and
 * judges it. Which plan is cheapest depends on how many rows there are and what they contain. What counts is that there is one that
 * stays fast. So if a plan has faults, the planner gets a second try without the steps that do not scale.
 *
 * @param db one connection: it takes several statements
 * @returns the faults with the plan that has them; undefined if there are none
 */
export async function findFaults(
  db: Queryable,
  statement: string,
  tables: Tables,
): Promise<{ readonly faults: readonly string[]; readonly plan: string } | undefined> {
  const judge = async (): Promise<{ faults: string[]; plan: string }> => {
    const { rows } = await db.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>({
      text: `EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) ${statement}`,
    })
    // A plan does not show what is skipped.
    const skips = /\bOFFSET \$/.test(statement)
      ? ['It skips rows by their number: the further, the longer it takes.']
      : []
    const faults = [...skips, ...faultsOfPlan(rows[0]!['QUERY PLAN'][0]!.Plan, tables)]
    return { faults, plan: faults.length > 0 ? await readablePlan(db, statement) : '' }
  }
  const first = await judge()
  if (first.faults.length === 0) return undefined
  for (const way of avoided) await db.query({ text: `SET enable_${way} = off` })
  try {
    const second = await judge()
    if (second.faults.length === 0) return undefined
    return second.faults.length < first.faults.length ? second : first
  } finally {
    for (const way of avoided) await db.query({ text: `RESET enable_${way}` })
  }
}

async function readablePlan(db: Queryable, statement: string): Promise<string> {
  const { rows } = await db.query<{ 'QUERY PLAN': string }>({ text: `EXPLAIN (GENERIC_PLAN, COSTS OFF) ${statement}` })
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}
