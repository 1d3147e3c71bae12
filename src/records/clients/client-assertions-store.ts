import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId } from '../ids.ts'

/**
 * Marks an assertion as used. If several requests present it concurrently, exactly one is the first. The row is kept ten minutes longer than
 * `forgetAt`, because it is deleted by the clock of the database, and a node whose clock is behind accepts the assertion for that much longer.
 *
 * @param forgetAt when the assertion expires, in seconds since 1970
 * @returns whether this was the first use
 */
export async function markAssertionUsed(
  db: Queryable,
  clientId: ClientId,
  jtiDigest: Buffer,
  forgetAt: number,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'use-client-assertion',
    text: `INSERT INTO client_assertions (client_id, jti_digest, expires_at) VALUES ($1, $2, to_timestamp($3) + interval '10 minutes')
           ON CONFLICT DO NOTHING`,
    values: [clientId, jtiDigest, forgetAt],
  })
  return rowCount === 1
}
