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
   * @param options `requiredScopes`: in addition to those of the verifier
   * @throws {VerificationError} for any token that is not accepted, and nothing else whatever token is presented; see `verificationErrorCodes`
   * @throws {TypeError} if the options are not valid
   */
  verify: (token: string, options?: CallOptions) => Promise<AccessTokenClaims>
  /**
   * Resolves when the keys are available. For a readiness probe, or to fail early at the start.
   *
   * @throws {VerificationError} `keys_unavailable`
   */
  ready: () => Promise<void>
}

/**
 * Creates a verifier for the issuer's access tokens (RFC 9068). It holds no secret, sends no request per token, and has no timers or
 * connections that you would have to close. Create one per process, because each has its own copy of the keys.
 *
 * Verified tokens are not cached: every request is checked, so that a token signed with a revoked key is refused as soon as the key is gone.
 *
 * @throws {TypeError} if the options are not valid
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
 * The scopes that one call requires, including those of the verifier.
 *
 * @throws {TypeError} for an unknown option, because a misspelt one would disable a check, and for an invalid list of scopes
 */
function scopesOfCall(always: readonly string[], options: CallOptions): readonly string[] {
  for (const name of Object.keys(options))
    if (name !== 'requiredScopes')
      throw new TypeError(`verify has no option ${name}. Its only option is requiredScopes.`)
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
