import type { Outgoing } from '../../platform/outgoing/outgoing.ts'
import type { ClientJwks, ClientMetadata } from './client.ts'

/** The keys of clients that registered a `jwks_uri`. */
export interface ClientKeySets {
  /**
   * The public keys of a client: its `jwks`, or what is at its `jwks_uri`. That is fetched again if it has no key with the `kid`, but not more often
   * than the cooldown allows.
   *
   * @param kid of the JWS that the keys are for; undefined: it names none
   * @throws ClientKeysUnavailable with a message for operators
   */
  keysOf(client: Pick<ClientMetadata, 'jwks' | 'jwks_uri'>, kid: string | undefined): Promise<ClientJwks>
}

/** The keys of a client could not be fetched, or are not usable. The message is for operators. */
export class ClientKeysUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ClientKeysUnavailable'
  }
}

export function createClientKeySets(_outgoing: Outgoing): ClientKeySets {
  return {
    keysOf: async ({ jwks }) => {
      if (jwks === undefined) throw new ClientKeysUnavailable('jwks_uri is not built yet')
      return jwks
    },
  }
}
