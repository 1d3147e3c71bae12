import type { Queryable } from '../../platform/database/queryable.ts'

/** What a person allowed a client. */
export interface Consent {
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
}

export async function findConsent(db: Queryable, sub: string, clientId: string): Promise<Consent | undefined> {
  const { rows } = await db.query<{ scopes: string[]; resources: string[] }>({
    name: 'find-consent',
    text: 'SELECT scopes, resources FROM consents WHERE sub = $1 AND client_id = $2',
    values: [sub, clientId],
  })
  return rows[0]
}

/** Remembers a consent, on top of what was allowed before. */
export async function addConsent(db: Queryable, sub: string, clientId: string, consent: Consent): Promise<void> {
  await db.query({
    name: 'add-consent',
    text: `INSERT INTO consents (sub, client_id, scopes, resources) VALUES ($1, $2, $3, $4)
           ON CONFLICT (sub, client_id) DO UPDATE SET updated_at = now(),
             scopes = ARRAY(SELECT DISTINCT unnest(consents.scopes || $3)),
             resources = ARRAY(SELECT DISTINCT unnest(consents.resources || $4))`,
    values: [sub, clientId, consent.scopes, consent.resources],
  })
}
