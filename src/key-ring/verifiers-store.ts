import type { Queryable } from '../platform/database/queryable.ts'

/** When a verifier that names itself last fetched the JWK Set. */
export interface Sighting {
  readonly name: string
  readonly fetchedAt: Date
}

/** A sighting about to be written, with its age in seconds by a clock that nobody sets. */
export type NewSighting = Sighting & { readonly age: number }

/**
 * Writes many at once; a later moment that is on record stays. A node's clock may be ahead for a while, so a sighting is dated no later
 * than its age says, and a moment on record that has not come yet counts as none: who has not fetched the set must not seem to have.
 * In one order, so that two nodes that write do not wait for each other in a circle.
 */
export async function putSightings(db: Queryable, sightings: readonly NewSighting[]): Promise<void> {
  await db.query({
    name: 'put-sightings',
    text: `INSERT INTO verifiers (name, fetched_at)
           SELECT name, least(fetched_at, statement_timestamp() - make_interval(secs => age))
           FROM unnest($1::text[], $2::timestamptz[], $3::float8[]) AS seen (name, fetched_at, age) ORDER BY name
           ON CONFLICT (name) DO UPDATE SET fetched_at = CASE
             WHEN verifiers.fetched_at > statement_timestamp() THEN EXCLUDED.fetched_at
             ELSE greatest(verifiers.fetched_at, EXCLUDED.fetched_at) END`,
    values: [
      sightings.map(({ name }) => name),
      sightings.map(({ fetchedAt }) => fetchedAt),
      sightings.map(({ age }) => age),
    ],
  })
}

/**
 * Who has not fetched the set since, those first that were seen last. Who was not seen for 90 days is forgotten (records/cleanup).
 * A moment that has not come yet, written while a clock was ahead, proves nothing.
 *
 * @param since milliseconds since 1970
 * @param most how many are given
 */
export async function listNotSeenSince(db: Queryable, since: number, most: number): Promise<Sighting[]> {
  const { rows } = await db.query<{ name: string; fetched_at: Date }>({
    name: 'list-not-seen-since',
    // Two ranges of the index: with OR it would be read from one end to the other.
    text: `(SELECT name, fetched_at FROM verifiers WHERE fetched_at > now() ORDER BY fetched_at DESC, name LIMIT $2)
           UNION ALL
           (SELECT name, fetched_at FROM verifiers WHERE fetched_at < least($1, now()) ORDER BY fetched_at DESC, name LIMIT $2)
           ORDER BY fetched_at DESC, name LIMIT $2`,
    values: [new Date(since), most],
  })
  return rows.map(({ name, fetched_at: fetchedAt }) => ({ name, fetchedAt }))
}
