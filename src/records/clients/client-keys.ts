import { parseJsonObject } from '#verify/strict-json'
import type { FetchedDocument } from '../../platform/outgoing/document-cache.ts'
import { cooldown, type Outgoing } from '../../platform/outgoing/outgoing.ts'
import { OutgoingRequestFailed } from '../../platform/outgoing-request.ts'
import type { Client, ClientJwks } from './client.ts'
import { readFetchedJwks } from './client-jwks.ts'
import { InvalidClientMetadata } from './metadata-members.ts'

/** The keys of clients that registered a `jwks_uri`. */
export interface ClientKeySets {
  /**
   * The public keys of a client: its `jwks`, or what is at its `jwks_uri`. That is fetched again if it has no key with the `kid`, or if its keys were
   * tried in vain, but not more often than the cooldown allows.
   *
   * @param kid of the JWS that the keys are for; undefined: it names none
   * @param tried a result of this function with which a signature did not hold
   * @returns the same object for as long as nothing has been fetched again
   * @throws ClientKeysUnavailable with a message for operators
   */
  keysOf(
    client: Pick<Client, 'jwks' | 'jwks_uri' | 'isSelfRegistered'> & Partial<Pick<Client, 'document'>>,
    kid: string | undefined,
    tried?: object,
  ): Promise<ClientJwks>
}

/** The keys of a client could not be fetched, or are not usable. The message is for operators. */
export class ClientKeysUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ClientKeysUnavailable'
  }
}

/** Bytes. Fifty keys with certificates, which some sets contain. */
const maxBytes = 256 * 1024

/** @param isNamed whether the operator accepts client ID metadata documents of this very host. Its keys do not wait for those that anybody names */
export function createClientKeySets(outgoing: Outgoing, isNamed: (hostname: string) => boolean): ClientKeySets {
  /** A set is read once, although it is used for many requests. */
  const read = new WeakMap<FetchedDocument, ClientJwks | ClientKeysUnavailable>()
  const keysIn = (document: FetchedDocument): ClientJwks => {
    const keys = read.get(document) ?? readDocument(document)
    read.set(document, keys)
    if (keys instanceof ClientKeysUnavailable) throw keys
    return keys
  }
  // The time between two requests is limited even if the headers forbid to keep a set: anybody can send assertions that claim to be of this client.
  const basics = { accept: 'application/jwk-set+json, application/json', maxBytes, keepFor: cooldown }

  return {
    keysOf: async ({ jwks, jwks_uri: uri, isSelfRegistered, document: from }, kid, tried) => {
      if (jwks !== undefined) return jwks
      if (uri === undefined) throw new ClientKeysUnavailable('the client has neither jwks nor jwks_uri')
      const options = {
        ...basics,
        isVouchedFor: !isSelfRegistered || (from !== undefined && isNamed(new URL(uri).hostname)),
      }
      const document = await outgoing.get(uri, options).catch(asUnavailable)
      if (tried === undefined && (kid === undefined || hasKey(document, kid))) return keysIn(document)
      // OpenID Connect Core §10.1.1: a kid that is not known yet is the sign of a new key. A client with one key need not name it (§10.1). If the set cannot be had now, the older one is still the best known.
      const fresh = await outgoing.get(uri, { ...options, fresh: true }).catch(() => document)
      return keysIn(fresh)
    },
  }

  function hasKey(document: FetchedDocument, kid: string): boolean {
    try {
      return keysIn(document).keys.some((key) => key['kid'] === kid)
    } catch {
      // A set that cannot be read may have been repaired.
      return false
    }
  }
}

function readDocument({ body }: FetchedDocument): ClientJwks | ClientKeysUnavailable {
  try {
    return readFetchedJwks(parseJsonObject(body))
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof InvalidClientMetadata)) throw cause
    return new ClientKeysUnavailable(`the JWK Set at jwks_uri cannot be used: ${cause.message}`, { cause })
  }
}

function asUnavailable(cause: unknown): never {
  if (!(cause instanceof OutgoingRequestFailed)) throw cause
  throw new ClientKeysUnavailable(`jwks_uri could not be fetched: ${cause.message}`, { cause })
}
