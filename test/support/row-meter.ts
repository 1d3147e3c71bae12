import type { Database } from '../../src/platform/database/pool.ts'

/** Rows that one transaction read and wrote, in all tables of the schema. */
export interface Spent {
  readonly read: number
  readonly written: number
}

const sums = `SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::int AS read,
    coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int AS written
  FROM pg_stat_xact_user_tables WHERE schemaname = current_schema()`

/**
 * Counts the rows that the transactions of a pool read and write: a measure of cost that does not depend on the machine. PostgreSQL counts
 * per connection, so the counters are read at the beginning of each transaction and just before its commit.
 *
 * @returns a function that runs some work and returns the highest counts of any of its transactions
 */
export function createRowMeter(database: Database): (work: () => Promise<unknown>) => Promise<Spent> {
  let spent: Spent[] = []
  const connect = database.connect.bind(database)
  const metered = async () => {
    const client = await connect()
    const query = client.query.bind(client)
    const sum = async () => (await query<Spent & object>(sums)).rows[0] as Spent
    let before: Spent = { read: 0, written: 0 }
    const meteredQuery = async (statement: { readonly text: string }) => {
      if (statement.text === 'COMMIT') {
        const { read, written } = await sum()
        spent.push({ read: read - before.read, written: written - before.written })
      }
      const result = await query(statement)
      if (statement.text.startsWith('BEGIN')) before = await sum()
      return result
    }
    return {
      query: meteredQuery as typeof client.query,
      get lost() {
        return client.lost
      },
      release: (fault?: unknown) => client.release(fault),
    }
  }
  // Statements outside a transaction are not counted.
  Object.assign(database, { connect: metered })
  return async (work) => {
    spent = []
    await work()
    return {
      read: Math.max(0, ...spent.map(({ read }) => read)),
      written: Math.max(0, ...spent.map(({ written }) => written)),
    }
  }
}
