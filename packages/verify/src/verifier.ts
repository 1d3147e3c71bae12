import { type AccessTokenClaims, checkClaims } from './access-token-claims.ts'
import { requestJwkSet } from './jwk-set-request.ts'
import { remoteKeys } from './remote-keys.ts'
import { verifySignedJwt } from './signed-jwt.ts'
import { checkScopes, readOptions, type VerifierOptions, type VerifierSettings } from './verifier-options.ts'

export type Verifier = {
  readonly issuer: string
  readonly audience: readonly string[]
  /**
   * Checks an access token.
   *
   * @param token the token alone, without `Bearer`
   * @param options `requiredScopes`: beside those of the verifier
   * @throws {VerificationError} see `verificationErrorCodes`; nothing else, whatever token is presented
   * @throws {TypeError} where the options do not make sense
   */
  verify: (token: string, options?: CallOptions) => Promise<AccessTokenClaims>
  /**
   * Resolves when the keys are at hand; for a start that should fail early, or a readiness probe.
   *
   * @throws {VerificationError} `keys_unavailable`
   */
  ready: () => Promise<void>
}

/**
 * Makes a verifier of the issuer's access tokens (RFC 9068) that holds no secret, asks nobody per token, and keeps no timer
 * and no connection of its own: there is nothing to close. Make one per process; its copy of the keys is its own.
 *
 * Verified tokens are not kept: the next request asks again, so that a token called back is refused at once.
 *
 * @throws {TypeError} where the options do not make sense
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const settings = readOptions(options)
  const { issuer, audience, clock } = settings
  const { find, ready } = settings.keys ? { find: settings.keys, ready: async () => {} } : issuerKeys(settings)
  const rules = { ...settings, keys: find }

  return {
    issuer,
    audience,
    async verify(token, options = {}) {
      const allScopes = scopesOfCall(settings.requiredScopes, options)
      const payload = await verifySignedJwt(token, rules)
      return checkClaims(payload, { ...settings, requiredScopes: allScopes, now: clock.wallTime() / 1000 })
    },
    ready,
  }
}

type CallOptions = { requiredScopes?: readonly string[] }

/**
 * The scopes that one call demands, with those of the verifier.
 *
 * @throws {TypeError} for a misspelt option, which would leave a check out, and for what is not a list of scopes
 */
function scopesOfCall(always: readonly string[], options: CallOptions): readonly string[] {
  for (const name of Object.keys(options))
    if (name !== 'requiredScopes') throw new TypeError(`verify has no option ${name}. It has requiredScopes.`)
  const { requiredScopes } = options
  if (requiredScopes === undefined) return always
  return [...always, ...checkScopes(requiredScopes)]
}

function issuerKeys(settings: VerifierSettings) {
  const request = {
    uri: settings.jwksUri,
    fetch: settings.fetch,
    timeout: settings.timeout * 1000,
    name: settings.name,
  }
  return remoteKeys({
    request: (previous, revalidate) => requestJwkSet(request, previous, revalidate),
    uri: settings.jwksUri,
    cooldown: settings.cooldown * 1000,
    keepFor: settings.keepKeysFor * 1000,
    clock: settings.clock,
    onError: settings.onKeysError,
  })
}
