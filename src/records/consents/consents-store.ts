import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId, Sub } from '../ids.ts'
import { scopesUnmovedSince } from '../resources/resources-store.ts'

/** What a person has allowed a client. Excludes scopes that have moved to another resource since then. */
export interface Consent {
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
}

const consentedScopes = scopesUnmovedSince('consents.scopes', 'consents.updated_at')

/** What a person's grant still allows, apart from the limits of the client's registration. */
export interface GrantTerms {
  /** The scopes of the grant that still belong to the same resource as when the grant was opened. */
  readonly scopes: readonly string[]
  /** Null if there is none, as for first-party clients. */
  readonly consent: Consent | null
}

/** SQL: the `GrantTerms` of the row in `grants`, as JSON, for statements that also read something else. */
export const grantTermsJson = `jsonb_build_object(
  'scopes', ${scopesUnmovedSince('grants.scopes', 'grants.created_at')},
  'consent', (SELECT jsonb_build_object('scopes', ${consentedScopes}, 'resources', consents.resources)
              FROM consents WHERE consents.sub = grants.sub AND consents.client_id = grants.client_id))`

/** A consent as the person gave it. `isOutdated`: the client registered itself, and has changed what the person saw of it since then. */
export interface GivenConsent extends Consent {
  readonly isOutdated: boolean
}

export async function findConsent(db: Queryable, sub: Sub, clientId: ClientId): Promise<GivenConsent | undefined> {
  const { rows } = await db.query<{ scopes: string[]; resources: string[]; isOutdated: boolean }>({
    name: 'find-consent',
    text: `SELECT ${consentedScopes} AS scopes, resources,
             EXISTS (SELECT FROM client_registrations
                     WHERE client_registrations.client_id = consents.client_id AND presented_at > consents.updated_at) AS "isOutdated"
           FROM consents WHERE sub = $1 AND client_id = $2`,
    values: [sub, clientId],
  })
  return rows[0]
}

/** Deletes the consent of a person to a client. False if there was none. */
export async function deleteConsent(tx: Queryable, sub: Sub, clientId: ClientId): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'DELETE FROM consents WHERE sub = $1 AND client_id = $2',
    values: [sub, clientId],
  })
  return rowCount === 1
}

/**
 * Deletes all consents of a person, so that every application asks again: somebody else may have allowed an application of their own.
 *
 * @param tx a transaction that has locked the account and ends its sessions, so that none is being given
 */
export async function deleteConsents(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({ text: 'DELETE FROM consents WHERE sub = $1', values: [sub] })
}

/** Adds a consent to what was allowed before, without scopes that have moved to another resource. */
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
