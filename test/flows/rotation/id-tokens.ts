import { decodeProtectedHeader } from 'jose'
import * as client from 'openid-client'
import { type SigningAlgorithm, signingAlgorithms } from '../../../src/platform/jwt/algorithms.ts'
import type { Idp } from '../../support/idp.ts'
import { signIn } from '../../support/journey.ts'
import type { Flow } from './load.ts'

/**
 * Web applications with openid-client, one per algorithm, which refresh in turn and check the signature of each ID token. The library
 * caches a set for five minutes per configuration, so the configuration is replaced every `keeps` milliseconds.
 */
export async function webApplications(idp: Idp, keeps: number): Promise<Flow> {
  const applications = await Promise.all(signingAlgorithms.map((alg) => webApplication(idp, alg, keeps)))
  let turn = 0
  return {
    name: 'openid-client, ID tokens',
    once: async () => applications[turn++ % applications.length]?.(),
  }
}

async function webApplication(idp: Idp, alg: SigningAlgorithm, keeps: number): Promise<Flow['once']> {
  const metadata = { id_token_signed_response_alg: alg }
  const registered = await idp.client(metadata)
  const { body } = await (await signIn(idp, registered)).redeem()
  const { secret = '', client_id: id } = registered
  const authentication = client.ClientSecretBasic(secret)
  const insecure = { execute: [client.allowInsecureRequests] }
  const found = await client.discovery(new URL(idp.issuer), id, metadata, authentication, insecure)
  let config: client.Configuration | undefined
  let madeAt = 0
  return async () => {
    if (!config || performance.now() - madeAt >= keeps) {
      config = new client.Configuration(found.serverMetadata(), id, metadata, authentication)
      client.allowInsecureRequests(config)
      client.enableNonRepudiationChecks(config)
      madeAt = performance.now()
    }
    const tokens = await client.refreshTokenGrant(config, body.refresh_token).catch((error: unknown) => {
      // A node may send 503 when it cannot sign. The library reads the error only from responses with a 4xx status.
      const { cause } = error as Error
      if (cause instanceof Response && cause.status === 503) return undefined
      throw error
    })
    return tokens && decodeProtectedHeader(tokens.id_token ?? '').kid
  }
}
