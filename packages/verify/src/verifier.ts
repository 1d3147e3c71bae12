import { type AccessTokenClaims, checkClaims } from './access-token-claims.ts'
import {
  type AuthenticationRequirement,
  bothRequirements,
  checkRequirement,
  requireAuthentication,
} from './authentication-requirement.ts'
import { requestJwkSet } from './jwk-set-request.ts'
import { remoteKeys } from './remote-keys.ts'
import { verifySignedJwt } from './signed-jwt.ts'
import { signatureHolds } from './verification-key.ts'
import { checkScopes, readOptions, type VerifierOptions, type VerifierSettings } from './verifier-options.ts'

export type Verifier = {
  readonly issuer: string
  readonly audience: readonly string[]
  /**
   * Checks an access token.
   *
   * @param token the token alone, without `Bearer`
   * @param options `requiredScopes`, `acr`, `maxAge`: in addition to those of the verifier
   * @throws {VerificationError} for any token that is not accepted, and nothing else whatever token is presented; see `verificationErrorCodes`
   * @throws {TypeError} if the options are not valid
   */
  verify: (token: string, options?: CallOptions) => Promise<AccessTokenClaims>
  /**
   * Checks how and when the person of a verified token signed in. For a service that knows only later what a request needs, for example a payment above an
   * amount.
   *
   * @throws {VerificationError} `insufficient_user_authentication`
   * @throws {TypeError} if the requirement is not valid
   */
  requireAuthentication: (claims: AccessTokenClaims, requirement: AuthenticationRequirement) => void
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
  const rules = { ...settings, keys: find, signatureHolds }
  const checkTime = () => ({ clockTolerance: settings.clockTolerance, now: clock.wallTime() / 1000 })

  return {
    issuer,
    audience,
    async verify(token, options = {}) {
      const { requiredScopes, requirement } = demandsOfCall(settings, options)
      const payload = await verifySignedJwt(token, rules)
      const claims = checkClaims(payload, { ...settings, ...checkTime(), requiredScopes })
      requireAuthentication(claims, requirement, checkTime())
      return claims
    },
    requireAuthentication(claims, requirement) {
      requireAuthentication(claims, checkRequirement(requirement), checkTime())
    },
    ready,
  }
}

type CallOptions = AuthenticationRequirement & { requiredScopes?: readonly string[] }

const callOptions = ['requiredScopes', 'acr', 'maxAge']

/**
 * What one call requires, including what the verifier always does.
 *
 * @throws {TypeError} for an unknown option, because a misspelt one would disable a check, and for an invalid one
 */
function demandsOfCall(always: Pick<VerifierSettings, 'requiredScopes' | 'requirement'>, options: CallOptions) {
  for (const name of Object.keys(options))
    if (!callOptions.includes(name))
      throw new TypeError(`verify has no option ${name}. Its options are ${callOptions.join(', ')}.`)
  const { requiredScopes = [] } = options
  return {
    requiredScopes: [...always.requiredScopes, ...checkScopes(requiredScopes)],
    requirement: bothRequirements(always.requirement, checkRequirement(options)),
  }
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
