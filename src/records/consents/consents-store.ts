import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId, Sub } from '../ids.ts'
import { scopesUnmovedSince } from '../resources/resources-store.ts'

/** What a person allowed a client. A scope that has come to another resource since then is not part of it. */
export interface Consent {
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
}

const consentedScopes = scopesUnmovedSince('consents.scopes', 'consents.updated_at')

/** What of a person's grant holds beside the client's registration. */
export interface GrantTerms {
  /** The scopes of the grant that still belong to the resource that they belonged to when it was opened. */
  readonly scopes: readonly string[]
  /** Null: none is on record, as for first-party clients. */
  readonly consent: Consent | null
}

/** SQL for the terms of the row in `grants`, as JSON: for statements that read a grant along with something else. */
export const grantTermsJson = `jsonb_build_object(
  'scopes', ${scopesUnmovedSince('grants.scopes', 'grants.created_at')},
  'consent', (SELECT jsonb_build_object('scopes', ${consentedScopes}, 'resources', consents.resources)
              FROM consents WHERE consents.sub = grants.sub AND consents.client_id = grants.client_id))`

export async function findConsent(db: Queryable, sub: Sub, clientId: ClientId): Promise<Consent | undefined> {
  const { rows } = await db.query<{ scopes: string[]; resources: string[] }>({
    name: 'find-consent',
    text: `SELECT ${consentedScopes} AS scopes, resources FROM consents WHERE sub = $1 AND client_id = $2`,
    values: [sub, clientId],
  })
  return rows[0]
}

/** Forgets what a person allowed a client. False if there was nothing. */
export async function deleteConsent(tx: Queryable, sub: Sub, clientId: ClientId): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'DELETE FROM consents WHERE sub = $1 AND client_id = $2',
    values: [sub, clientId],
  })
  return rowCount === 1
}

/** Remembers a consent, in addition to what was allowed before and still means the same. */
export async function addConsent(db: Queryable, sub: Sub, clientId: ClientId, consent: Consent): Promise<void> {
  await db.query({
    name: 'add-consent',
    text: `INSERT INTO consents (sub, client_id, scopes, resources) VALUES ($1, $2, $3, $4)
           ON CONFLICT (sub, client_id) DO UPDATE SET updated_at = now(),
             scopes = ARRAY(SELECT DISTINCT unnest(${consentedScopes} || $3)),
             resources = ARRAY(SELECT DISTINCT unnest(consents.resources || $4))`,
    values: [sub, clientId, consent.scopes, consent.resources],
  })
}
