import type { Queryable } from '../../platform/database/queryable.ts'
import type { Client } from '../clients/client.ts'
import type { ClientId, Sub } from '../ids.ts'
import { scopesUnmovedSince } from '../resources/resources-store.ts'

/** What a person has allowed a client. Excludes scopes that have moved to another resource since then. */
export interface Consent {
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  /** Claims that were allowed by their names, beyond those of the scopes. */
  readonly claims: readonly string[]
}

const consentedScopes = scopesUnmovedSince('consents.scopes', 'consents.updated_at')

/** The client that a consent is for. */
type ConsentedClient = Pick<Client, 'client_id' | 'document'>

/** SQL: whether a client that registered itself has changed what the person saw of it since they gave the consent. */
const isPresentedAnew = `EXISTS (
  SELECT FROM client_registrations
  WHERE client_registrations.client_id = consents.client_id AND presented_at > consents.updated_at)`

/** SQL: whether a consent was given to another presentation of the client, or to another version of its document. `consentFromJson` decides the same. */
const isOutdated = (digest: string) =>
  `(consents.document_digest IS DISTINCT FROM ${digest}::bytea OR ${isPresentedAnew})`

function digestOf(document: Client['document']): Buffer | null {
  return document ? Buffer.from(document.digest, 'hex') : null
}

/** What a person's grant still allows, apart from the limits of the client's registration. */
export interface GrantTerms {
  /** The scopes of the grant that still belong to the same resource as when the grant was opened. */
  readonly scopes: readonly string[]
  /** Null if there is none, as for first-party clients. */
  readonly consent: Consent | null
}

/** SQL: the members of a `Consent` for a JSON object. */
const consentMembers = `'scopes', ${consentedScopes}, 'resources', consents.resources, 'claims', consents.claims`

/** SQL: the `GrantTerms` of the row in `grants`, as JSON, for statements that also read something else. */
export const grantTermsJson = `jsonb_build_object(
  'scopes', ${scopesUnmovedSince('grants.scopes', 'grants.created_at')},
  'consent', (SELECT jsonb_build_object(${consentMembers})
              FROM consents WHERE consents.sub = grants.sub AND consents.client_id = grants.client_id))`

/**
 * A consent as the person gave it. `isOutdated`: the client registered itself, and has changed what the person saw of it since then; or its client ID metadata document is
 * not the one of the consent.
 */
export interface GivenConsent extends Consent {
  readonly isOutdated: boolean
}

/** `consentJson` */
export interface ConsentJson extends Consent {
  readonly isPresentedAnew: boolean
  readonly documentDigest: string | null
}

/** SQL: the row in `consents` as JSON, for a statement that also reads something else. The statement need not know the document of the client. */
export const consentJson = `json_build_object(${consentMembers}, 'isPresentedAnew', ${isPresentedAnew},
  'documentDigest', encode(consents.document_digest, 'hex'))`

/**
 * @param client as the request was checked with it. Its document may have changed since then, and that must not make a consent for another version count for it
 */
export function consentFromJson(
  { scopes, resources, claims, isPresentedAnew: isAnew, documentDigest }: ConsentJson,
  { document }: Pick<Client, 'document'>,
): GivenConsent {
  return { scopes, resources, claims, isOutdated: documentDigest !== (document?.digest ?? null) || isAnew }
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

/**
 * Adds a consent to what was allowed before, without scopes that have moved to another resource. An outdated consent is replaced: what a person allowed a client under another
 * name, or at another host, must not come back with anything small that they allow it now.
 *
 * @param client as the person saw it
 */
export async function addConsent(
  db: Queryable,
  sub: Sub,
  { client_id: clientId, document }: ConsentedClient,
  consent: Consent,
): Promise<void> {
  await db.query({
    name: 'add-consent',
    text: `INSERT INTO consents (sub, client_id, scopes, resources, claims, document_digest) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (sub, client_id) DO UPDATE SET updated_at = now(), document_digest = $6,
             scopes = CASE WHEN ${isOutdated('$6')} THEN $3 ELSE ARRAY(SELECT DISTINCT unnest(${consentedScopes} || $3)) END,
             resources = CASE WHEN ${isOutdated('$6')} THEN $4 ELSE ARRAY(SELECT DISTINCT unnest(consents.resources || $4)) END,
             claims = CASE WHEN ${isOutdated('$6')} THEN $5 ELSE ARRAY(SELECT DISTINCT unnest(consents.claims || $5)) END`,
    values: [sub, clientId, consent.scopes, consent.resources, consent.claims, digestOf(document)],
  })
}
