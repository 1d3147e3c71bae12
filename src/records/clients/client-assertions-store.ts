import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId } from '../ids.ts'

/**
 * Notes that an assertion was used. However many present it at once, one is first. The row is kept ten minutes longer than asked: it is
 * deleted by the database's clock, and a node whose clock is behind accepts the assertion for so much longer.
 *
 * @param forgetAt seconds since 1970
 * @returns whether it was the first use
 */
export async function useAssertion(
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
