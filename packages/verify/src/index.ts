export { type AccessTokenClaims, scopesOf } from './access-token-claims.ts'
export type { AuthenticationRequirement } from './authentication-requirement.ts'
export { accessTokenOf, type BearerRefusal, bearerRefusal, bearerToken } from './bearer.ts'
export {
  type ConnectBearerOptions,
  type ConnectMiddleware,
  connectAuthentication,
  connectBearer,
  connectScopes,
} from './connect-middleware.ts'
export { type FastifyBearerOptions, fastifyAuthentication, fastifyBearer, fastifyScopes } from './fastify-plugin.ts'
export type { Fetch } from './jwk-set-request.ts'
export type { Clock } from './remote-keys.ts'
export type { KeyReference, KeySource } from './signed-jwt.ts'
export { VerificationError, type VerificationErrorCode, verificationErrorCodes } from './verification-error.ts'
export {
  importVerificationKey,
  type SignatureAlgorithm,
  signatureAlgorithms,
  type VerificationKey,
} from './verification-key.ts'
export { createVerifier, type Verifier } from './verifier.ts'
export type { VerifierOptions } from './verifier-options.ts'
