import type { Queryable } from '../../src/platform/database/queryable.ts'

/** The version of a client's registration at this moment, as `Client.updatedAt` has it. Also of one that is being deleted. */
export async function clientVersion(db: Queryable, clientId: string): Promise<string> {
  const { rows } = await db.query<{ version: string }>({
    text: 'SELECT to_json(updated_at) AS version FROM clients WHERE client_id = $1',
    values: [clientId],
  })
  return rows[0]?.version ?? 'infinity'
}
