import { isDeepStrictEqual } from 'node:util'
import { inTransaction } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Client, type ClientMetadata, metadataMembers, scopesOf, usesSecret } from '../records/clients/client.ts'
import { completeMetadata } from '../records/clients/client-metadata.ts'
import { insertImportedSecrets } from '../records/clients/client-secrets-store.ts'
import { findClient, insertClient } from '../records/clients/clients-store.ts'
import { minHmacSecret, storedSecret } from '../records/clients/hmac-secrets.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { ClientId } from '../records/ids.ts'
import { lockImportedId } from '../records/imported-ids-store.ts'
import { isOpenidScope } from '../records/resources/resource.ts'
import { lockResources } from '../records/resources/resources-store.ts'
import { type Operator, originOf } from './actor.ts'
import { type Registry, registrationContext, requirePairwiseEverywhere } from './client-registration.ts'
import type { ImportOptions } from './import-account.ts'
import { withRollback } from './with-rollback.ts'

/** A client as another system knows it, unchecked. */
export interface ClientToImport {
  readonly clientId: string
  /** Under the names of RFC 7591 §2. Other members, and those that only an operator may set, are ignored. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** The secrets that it uses. */
  readonly secrets: readonly string[]
  /** What happens to scopes that do not exist here. */
  readonly unknownScopes: 'refused' | 'left out'
}

export interface ClientImportOptions extends ImportOptions {
  /** Accepts secrets of fewer than 32 characters. */
  readonly allowShortSecrets: boolean
}

export type ImportClientOutcome =
  | { readonly outcome: 'imported'; readonly scopesLeftOut: readonly string[]; readonly without: 'secret' | undefined }
  | { readonly outcome: 'exists' }
  | { readonly outcome: 'differs'; readonly from: readonly string[] }
  | { readonly outcome: 'client_id_invalid' | 'client_id_like_sub' | 'client_id_of_account' | 'client_deleted' }
  | { readonly outcome: 'secret_invalid' | 'secret_short' | 'secrets_unused' | 'too_many_secrets' }

/** What an import never gives to a client: an operator decides that here. */
export const administrativeMembers = ['first_party', 'groups'] as const

/** RFC 6749 Appendix A.1, without spaces. The length is that of the parameter (`credentialParameters`). */
const importableClientId = /^[\x21-\x7e]{1,255}$/
/** The form of a `sub` that Signet makes (RFC 9700 §4.15). */
const likeSub = /^[\w-]{22}$/
/** RFC 6749 Appendix A.2. Fewer than eight characters can be guessed. */
const importableSecret = /^[\x20-\x7e]{8,255}$/
/** As many as a rotation leaves. */
const maxSecrets = 2

/**
 * Registers a client that comes from another system, with the `client_id` and the secrets that it has there. Without a secret, a client that needs one
 * cannot authenticate until it is given one (`rotateClientSecret`). If anything is refused, nothing is created.
 *
 * A client that is already here in the same form is left alone, so an import that was interrupted can be run again.
 *
 * @throws InvalidClientMetadata
 */
export async function importClient(
  { database, secrets: sealing }: Registry,
  actor: Operator,
  { clientId, metadata: given, secrets, unknownScopes }: ClientToImport,
  { source, dryRun, allowShortSecrets }: ClientImportOptions,
): Promise<ImportClientOutcome> {
  if (!importableClientId.test(clientId)) return { outcome: 'client_id_invalid' }
  if (likeSub.test(clientId)) return { outcome: 'client_id_like_sub' }
  if (secrets.length > maxSecrets) return { outcome: 'too_many_secrets' }
  if (!secrets.every((secret) => importableSecret.test(secret))) return { outcome: 'secret_invalid' }
  if (!allowShortSecrets && secrets.some(isShort)) return { outcome: 'secret_short' }
  return withRollback<ImportClientOutcome, ImportClientOutcome>((rollBack) =>
    inTransaction(database, async (tx) => {
      await lockResources(tx, 'reading')
      const allowed = Object.entries(given).filter(([member]) => !administrativeMembers.some((one) => one === member))
      const input = Object.fromEntries(allowed)
      const context = await registrationContext(tx, input)
      const asked = typeof input['scope'] === 'string' ? scopesOf(input['scope']) : []
      const exists = (scope: string) =>
        isOpenidScope(scope) || context.resources.some((resource) => resource.scopes.includes(scope))
      const scopesLeftOut = unknownScopes === 'left out' ? asked.filter((scope) => !exists(scope)) : []
      const scope = asked.filter((one) => !scopesLeftOut.includes(one)).join(' ')
      const metadata = completeMetadata(scopesLeftOut.length > 0 ? { ...input, scope } : input, context)
      if (!usesSecret(metadata) && secrets.length > 0) return { outcome: 'secrets_unused' }

      const id = clientId as ClientId
      const use = await lockImportedId(tx, id)
      if (use.account) return { outcome: 'client_id_of_account' }
      if (use.client === 'deleted') return { outcome: 'client_deleted' }
      const existing = use.client ? await findClient(tx, id) : undefined
      if (existing) {
        const from = differences(existing, metadata, secrets)
        return from.length > 0 ? { outcome: 'differs', from } : { outcome: 'exists' }
      }
      await requirePairwiseEverywhere(tx, undefined, metadata)
      await insertClient(tx, id, metadata, undefined)
      await insertImportedSecrets(
        tx,
        id,
        secrets.map((secret) => ({ ...storedSecret(sealing, id, metadata, secret), isShort: isShort(secret) })),
      )
      const detail = { name: metadata.client_name, import: source }
      await recordEvent(tx, { type: 'client_created', ...originOf(actor), clientId: id, detail })
      const without = usesSecret(metadata) && secrets.length === 0 ? 'secret' : undefined
      const imported = { outcome: 'imported', scopesLeftOut, without } as const
      return dryRun ? rollBack(imported) : imported
    }),
  )
}

function isShort(secret: string): boolean {
  return secret.length < minHmacSecret
}

/** The members in which the registered client is different. What an operator has decided about it since does not count. */
function differences(existing: Client, metadata: ClientMetadata, secrets: readonly string[]): string[] {
  const members = metadataMembers.filter(
    (member) =>
      !administrativeMembers.some((one) => one === member) && !isDeepStrictEqual(existing[member], metadata[member]),
  )
  const known = usesSecret(existing) && 'secrets' in existing ? existing.secrets : []
  const isKnown = (secret: string) => known.some((one) => one.digest.equals(digest(secret)))
  return secrets.every(isKnown) ? members : [...members, 'client_secret']
}
