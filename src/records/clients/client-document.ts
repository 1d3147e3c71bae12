import { createHash } from 'node:crypto'
import { parseJsonObject } from '#verify/strict-json'
import { isContextClass } from '../../protocol/oidc-values.ts'
import { openidScopes } from '../resources/resource.ts'
import type { ClientMetadata } from './client.ts'
import { readFetchedJwks } from './client-jwks.ts'
import { InvalidClientMetadata, invalid, type MetadataInput } from './metadata-members.ts'
import { shownUriFault } from './redirect-uri-rules.ts'
import { completeOwnMetadata, presentationOf, type SelfRegistrationContext } from './self-registration.ts'

/*
 * The content of client ID metadata documents (draft-ietf-oauth-client-id-metadata-document §4). Their clients are a kind of clients that register themselves, with
 * fewer possibilities: they have no secret, always use PKCE, and the public client's rules apply unless they have keys.
 *
 * One document is for all servers, so it cannot adapt to this one. What Signet does not support, or lets nobody choose for themselves, is therefore left out where the
 * client can work without it.
 */

/** Bytes (§8.7). */
export const maxDocumentLength = 5 * 1024

/** The header Accept. */
export const documentTypes = 'application/json, application/*+json;q=0.9'

/**
 * A document that cannot be used. The message of `invalid` is for its author. That of `unreadable` is for the operator only: what was found at the URL is perhaps nobody's
 * document, and the message would tell anybody what this server can reach.
 */
export class UnusableDocument extends Error {
  readonly fault: 'unreadable' | 'invalid' | 'no_common_method'
  constructor(fault: UnusableDocument['fault'], message: string) {
    super(message)
    this.name = 'UnusableDocument'
    this.fault = fault
  }
}

type DocumentContext = Omit<SelfRegistrationContext, 'legacyResponseTypes'>

/**
 * Reads a document, and checks everything.
 *
 * @param url the `client_id` of the request, which the document was fetched from
 * @throws UnusableDocument for the first fault found
 */
export function readClientDocument(
  url: string,
  { body, contentType }: { readonly body: Buffer; readonly contentType: string | undefined },
  context: DocumentContext,
): ClientMetadata {
  const document = parseDocument(body, contentType)
  // §4: the same characters. Until this is known, anything could be at the URL.
  if (document['client_id'] !== url)
    throw new UnusableDocument('unreadable', 'its client_id is not the URL that it was fetched from')
  try {
    return metadataIn(url, document, context)
  } catch (error) {
    if (error instanceof InvalidClientMetadata) throw new UnusableDocument('invalid', error.message)
    throw error
  }
}

/**
 * What consents and codes are bound to: what a person sees of the client, where codes are sent, and how the client authenticates (§8.4).
 *
 * @returns SHA-256
 */
export function documentDigestOf(metadata: ClientMetadata): Buffer {
  const { token_endpoint_auth_method: method, jwks_uri: uri, jwks } = metadata
  // The order of keys means nothing (RFC 7517 §5).
  const keys = jwks?.keys.map((key) => JSON.stringify(Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1)))).sort()
  return createHash('sha256')
    .update(JSON.stringify([presentationOf(metadata), method, uri ?? null, keys ?? null]))
    .digest()
}

function parseDocument(body: Buffer, contentType: string | undefined): MetadataInput {
  // §4: application/json, or a more specific type.
  if (!/^application\/(?:[a-z0-9!#$&^_.-]+\+)?json$/i.test(contentType?.split(';')[0]?.trim() ?? ''))
    throw new UnusableDocument('unreadable', 'its Content-Type is neither application/json nor application/*+json')
  try {
    return parseJsonObject(body)
  } catch (error) {
    if (error instanceof SyntaxError) throw new UnusableDocument('unreadable', error.message)
    throw error
  }
}

/** Members that only an operator decides about, or that the rules below replace. */
const ignored: readonly string[] = [
  ...['first_party', 'groups', 'resources', 'require_pkce', 'refresh_token_rotation'],
  ...['id_token_profile_claims', 'require_issuer_audience'],
  // Its sector could become that of another application with any change of the document.
  ...['subject_type', 'sector_identifier_uri'],
  // RFC 7591 §2.3 lets a server ignore it.
  'software_statement',
]

/** What is only shown to people. Other servers may accept http. */
const shownUris = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'] as const

/** @throws InvalidClientMetadata, UnusableDocument */
function metadataIn(url: string, document: MetadataInput, context: DocumentContext): ClientMetadata {
  // §4.1, also if they are null or 0.
  for (const name of ['client_secret', 'client_secret_expires_at'])
    if (Object.hasOwn(document, name)) throw invalid(`${name} must not be in the document: it has no secrets.`)
  const { method, mayAuthenticate } = methodIn(document)
  const given = new Map(Object.entries(document).filter(([name]) => !ignored.includes(name)))
  const [name, jwks] = [given.get('client_name'), given.get('jwks')]
  for (const uri of shownUris) {
    const value = given.get(uri)
    if (typeof value === 'string' && shownUriFault(value)) given.delete(uri)
  }
  if (method === 'none') given.delete('token_endpoint_auth_signing_alg')
  const classes = given.get('default_acr_values')
  if (Array.isArray(classes)) given.set('default_acr_values', classes.filter(isContextClass))
  if (!hasKnownScope(given.get('scope'), context)) given.delete('scope')
  const metadata = completeOwnMetadata(
    {
      ...Object.fromEntries(given),
      client_name: name ?? new URL(url).hostname,
      grant_types: grantTypesIn(given.get('grant_types')),
      jwks: keysIn(jwks, mayAuthenticate),
      token_endpoint_auth_method: method,
      require_pkce: true,
    },
    { ...context, legacyResponseTypes: 'off' },
  )
  if (!metadata.response_types.includes('code')) throw invalid('response_types must have code.')
  return metadata
}

const supportedMethods = ['private_key_jwt', 'none'] as const

/**
 * The authentication method (§8.2). The default of RFC 7591 §2 needs a secret, so it is `none` here. `token_endpoint_auth_methods_supported` lists all methods that the
 * client can use (RP Metadata Choices §2).
 *
 * If it lists both methods and prefers neither, it may use either: the client is public, and an assertion that it sends anyway is verified.
 */
function methodIn(document: MetadataInput) {
  const single = document['token_endpoint_auth_method'] ?? undefined
  const several = document['token_endpoint_auth_methods_supported'] ?? undefined
  if (several !== undefined && !(Array.isArray(several) && several.every((one) => typeof one === 'string')))
    throw invalid('token_endpoint_auth_methods_supported must be a list of strings.')
  const named: readonly unknown[] = several ?? [single ?? 'none']
  // §4.1.
  const shared = [single, ...named].find((one) => typeof one === 'string' && one.startsWith('client_secret'))
  if (shared !== undefined) throw invalid(`${shared} needs a secret, which a client with a document cannot have.`)
  const alg = document['token_endpoint_auth_signing_alg']
  if (typeof alg === 'string' && alg.startsWith('HS'))
    throw invalid('token_endpoint_auth_signing_alg must be asymmetric: a client with a document has no secret.')
  if (single !== undefined && !named.includes(single))
    throw invalid('token_endpoint_auth_method is not in token_endpoint_auth_methods_supported.')
  const usable = supportedMethods.filter((one) => named.includes(one))
  const [first] = usable
  if (first === undefined)
    throw new UnusableDocument('no_common_method', `it can authenticate with none of ${supportedMethods.join(', ')}`)
  const preferred = usable.find((one) => one === single) ?? (usable.length > 1 ? 'none' : first)
  return { method: preferred, mayAuthenticate: usable.includes('private_key_jwt') }
}

/** Only what a sign-in in a browser needs. RFC 7591 §2: the default is `authorization_code`. */
function grantTypesIn(value: unknown): unknown {
  if (value === undefined || value === null) return ['authorization_code']
  if (!Array.isArray(value)) return value
  if (!value.includes('authorization_code')) throw invalid('grant_types must have authorization_code.')
  return value.filter((one) => one === 'authorization_code' || one === 'refresh_token')
}

/** The keys that Signet supports. A private key is refused wherever it is (§4.1). */
function keysIn(jwks: unknown, mayAuthenticate: boolean): unknown {
  if (jwks === undefined || jwks === null) return undefined
  const { keys } = Object(jwks) as { keys?: unknown }
  const secret = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
  const isSecret = (key: unknown) =>
    typeof key === 'object' &&
    key !== null &&
    (secret.some((name) => name in key) || ('kty' in key && key.kty === 'oct'))
  if (Array.isArray(keys) && keys.some(isSecret))
    throw invalid('jwks has a private or symmetric key. Create a new key and publish its public half only.')
  try {
    return readFetchedJwks(jwks)
  } catch (error) {
    if (error instanceof InvalidClientMetadata && !mayAuthenticate) return undefined
    throw error
  }
}

/** Whether a `scope` names a scope of this server. If not, it was written for others, and says nothing here. */
function hasKnownScope(value: unknown, { openResources }: DocumentContext): boolean {
  if (typeof value !== 'string') return value !== undefined && value !== null
  const known: readonly string[] = [...openidScopes, ...openResources.flatMap(({ scopes }) => scopes)]
  return value.split(' ').some((scope) => known.includes(scope))
}
