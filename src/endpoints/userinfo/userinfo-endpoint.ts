import type { FastifyReply, FastifyRequest } from 'fastify'
import { type AccessTokenClaims, bearerRefusal, bearerToken, VerificationError } from '#verify'
import { checkClaims } from '#verify/access-token-claims'
import { userinfo } from '../../operations/userinfo.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import type { ErrorName } from '../../protocol/errors/error-registry.ts'
import { errorBody, OAuthError } from '../../protocol/errors/oauth-error.ts'
import { noteRefusal } from '../../protocol/errors/refusal.ts'
import { readForm } from '../../protocol/http/form.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import type { GrantId } from '../../records/ids.ts'
import type { Signet } from '../../signet.ts'

const realm = 'Signet'

/**
 * Userinfo endpoint, OpenID Connect Core §5.3. It accepts only tokens whose audience includes the issuer and whose grant has not ended, and
 * returns the claims of the scopes that the client still has, as JSON or signed, as the client has registered.
 */
export function userinfoEndpoint(app: App, signet: Signet): void {
  app.get('/userinfo', (request, reply) => respond(signet, request, reply))
  app.post<{ Body: Parameters | undefined }>('/userinfo', async (request, reply) =>
    respond(signet, request, reply, readForm(request.body, { access_token: 16_384 }).access_token),
  )
}

async function respond(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  bodyToken?: string,
): Promise<FastifyReply> {
  try {
    const claims = await verify(signet, presentedToken(request, bodyToken)).catch(explainAudience)
    const { issuer } = signet.settings
    const outcome = await userinfo(signet, {
      grantId: String(claims['grant_id']) as GrantId,
      clientId: claims.client_id,
      sub: claims.sub,
      apis: [claims.aud].flat().filter((audience) => audience !== issuer),
      scopes: claims.scope?.split(' ') ?? [],
    })
    if (outcome === 'api_not_allowed')
      throw new VerificationError(
        'wrong_audience',
        `The tokens of this API are no longer accepted here. ${howToGetAnother}`,
      )
    if (outcome === 'grant_ended')
      throw new VerificationError('expired', 'The grant that this token came from has ended.')
    if (outcome === 'openid_taken')
      throw new VerificationError('insufficient_scope', 'The scope openid was removed from the client.')
    // OpenID Connect Core §5.3.2.
    return 'jwt' in outcome ? reply.type('application/jwt').send(outcome.jwt) : reply.send(outcome.claims)
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    const { status, headers, body } = bearerRefusal(error, realm)
    const refusal = new OAuthError(errorNameOf(error, status), {
      status,
      param: error.message,
      detail: `access token: ${error.code}: ${error.message}`,
    })
    noteRefusal(request, refusal)
    reply.status(status).headers(headers)
    // RFC 6750 §3.1: a request without credentials gets a challenge without an error code.
    if (refusal.entry === 'access_token_missing') return reply.send(body)
    return reply.send(errorBody(signet.settings.issuer, refusal, request.id))
  }
}

/**
 * The same checks as those of the published verifier, which every API makes.
 *
 * @throws VerificationError
 */
async function verify({ settings, verifiedTokens, clock }: Signet, token: string): Promise<AccessTokenClaims> {
  return checkClaims(await verifiedTokens.claimsOf(token), {
    ...{ issuer: settings.issuer, audience: [settings.issuer], requiredScopes: ['openid'] },
    // The same clock issues and checks.
    ...{ clockTolerance: 0, now: clock.now() / 1000 },
  })
}

/**
 * An API's token gets here if the application asked for the API in the same request as for `openid`, or named it in `resource`. The verifier can
 * only say whom the token is for.
 */
function explainAudience(error: unknown): never {
  if (error instanceof VerificationError && error.code === 'wrong_audience')
    throw new VerificationError(error.code, `${error.message} ${howToGetAnother}`, { cause: error })
  throw error
}

const howToGetAnother =
  'Request a token without the scopes of the API and without resource, or get a second one: send the refresh token with resource set to this issuer.'

function errorNameOf({ code }: VerificationError, status: number): ErrorName {
  if (code === 'missing_token') return 'access_token_missing'
  if (code === 'insufficient_scope') return 'access_token_scope_insufficient'
  if (status === 503) return 'unavailable'
  return status === 400 ? 'access_token_misplaced' : 'access_token_refused'
}

/** RFC 6750 §2.1 and §2.2; a client must not use more than one method per request (§2). */
function presentedToken(request: FastifyRequest, bodyToken: string | undefined): string {
  if (bodyToken === undefined) return bearerToken(request.raw)
  if (request.headers.authorization !== undefined)
    throw new VerificationError('malformed_request', 'Send the access token once, in the header or in the body.')
  return bodyToken
}
