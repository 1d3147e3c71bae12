import type { Queryable } from '../platform/database/queryable.ts'

/** When a verifier that names itself last fetched the JWK Set. */
export interface Sighting {
  readonly name: string
  readonly fetchedAt: Date
}

/** Writes many at once; what is written already and later stays. In one order, so that two nodes that write do not wait in a circle. */
export async function putSightings(db: Queryable, sightings: readonly Sighting[]): Promise<void> {
  await db.query({
    name: 'put-sightings',
    text: `INSERT INTO verifiers (name, fetched_at)
           SELECT * FROM unnest($1::text[], $2::timestamptz[]) AS seen (name, fetched_at) ORDER BY name
           ON CONFLICT (name) DO UPDATE SET fetched_at = greatest(verifiers.fetched_at, EXCLUDED.fetched_at)`,
    values: [sightings.map(({ name }) => name), sightings.map(({ fetchedAt }) => fetchedAt)],
  })
}

/**
 * Who has not fetched the set since, those first that were seen last. Who was not seen for 90 days is forgotten (records/cleanup).
 *
 * @param since milliseconds since 1970
 * @param most how many are given
 */
export async function listNotSeenSince(db: Queryable, since: number, most: number): Promise<Sighting[]> {
  const { rows } = await db.query<{ name: string; fetched_at: Date }>({
    name: 'list-not-seen-since',
    text: 'SELECT name, fetched_at FROM verifiers WHERE fetched_at < $1 ORDER BY fetched_at DESC, name LIMIT $2',
    values: [new Date(since), most],
  })
  return rows.map(({ name, fetched_at: fetchedAt }) => ({ name, fetchedAt }))
}
