import type { Queryable } from '../platform/database/queryable.ts'

/** A verifier that sends its name, and when it last fetched the JWK Set. */
export interface SeenVerifier {
  readonly name: string
  readonly fetchedAt: Date
}

/** `age`: seconds since the fetch, by the monotonic clock. */
export type NewlySeenVerifier = SeenVerifier & { readonly age: number }

/**
 * Writes many in one statement. A later recorded time is kept. A node's clock may be ahead for a while, so the recorded time is at most what
 * the age says, and a recorded time in the future is ignored: a verifier that has not fetched the set must not seem to have. Ordered by name,
 * so that two nodes that write at the same time cannot deadlock.
 */
export async function putLastSeen(db: Queryable, verifiers: readonly NewlySeenVerifier[]): Promise<void> {
  await db.query({
    name: 'put-last-seen',
    text: `INSERT INTO verifiers (name, fetched_at)
           SELECT name, least(fetched_at, statement_timestamp() - make_interval(secs => age))
           FROM unnest($1::text[], $2::timestamptz[], $3::float8[]) AS seen (name, fetched_at, age) ORDER BY name
           ON CONFLICT (name) DO UPDATE SET fetched_at = CASE
             WHEN verifiers.fetched_at > statement_timestamp() THEN EXCLUDED.fetched_at
             ELSE greatest(verifiers.fetched_at, EXCLUDED.fetched_at) END`,
    values: [
      verifiers.map(({ name }) => name),
      verifiers.map(({ fetchedAt }) => fetchedAt),
      verifiers.map(({ age }) => age),
    ],
  })
}

/**
 * The verifiers that have not fetched the set since a moment, the most recently seen first. Those not seen for 90 days are deleted
 * (records/cleanup). A recorded time in the future, written while a clock was ahead, counts as not seen.
 *
 * @param since milliseconds since 1970
 * @param limit maximum number of results
 */
export async function listNotSeenSince(db: Queryable, since: number, limit: number): Promise<SeenVerifier[]> {
  const { rows } = await db.query<{ name: string; fetched_at: Date }>({
    name: 'list-not-seen-since',
    // Two ranges of the index: with OR, PostgreSQL would scan the whole index.
    text: `(SELECT name, fetched_at FROM verifiers WHERE fetched_at > now() ORDER BY fetched_at DESC, name LIMIT $2)
           UNION ALL
           (SELECT name, fetched_at FROM verifiers WHERE fetched_at < least($1, now()) ORDER BY fetched_at DESC, name LIMIT $2)
           ORDER BY fetched_at DESC, name LIMIT $2`,
    values: [new Date(since), limit],
  })
  return rows.map(({ name, fetched_at: fetchedAt }) => ({ name, fetchedAt }))
}
