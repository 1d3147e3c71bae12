import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../../platform/http/app.ts'
import type { Signet } from '../../signet.ts'
import { userinfoClaims } from '../../tokens/userinfo-claims.ts'
import { bearerRefusal, bearerToken, createVerifier, VerificationError, type Verifier } from '../../verify/index.ts'
import { findGrantedAccount } from './granted-account-store.ts'

const realm = 'Signet'

/** Userinfo endpoint, OpenID Connect Core §5.3. It takes only tokens whose audience is the issuer, and whose grant lives. */
export function userinfoEndpoint(app: App, signet: Signet): void {
  const { settings, keyRing, clock } = signet
  const verifier = createVerifier({
    issuer: settings.issuer,
    audience: settings.issuer,
    requiredScopes: ['openid'],
    // Who issues and who checks go by one clock.
    clockTolerance: 0,
    clock: { wallTime: () => clock.now(), monotonicTime: () => performance.now() },
    keys: ({ kid }) => keyRing.verificationKey(kid, 'published'),
  })
  app.get('/userinfo', (request, reply) => answer(signet, verifier, request, reply))
  app.post<{ Body: Record<string, string | string[]> | undefined }>('/userinfo', (request, reply) =>
    answer(signet, verifier, request, reply, request.body?.['access_token']),
  )
}

async function answer(
  signet: Signet,
  verifier: Verifier,
  request: FastifyRequest,
  reply: FastifyReply,
  inBody?: unknown,
): Promise<FastifyReply> {
  try {
    const claims = await verifier.verify(presentedToken(request, inBody))
    const account = await findGrantedAccount(signet.database, String(claims['grant_id']), claims.sub)
    if (!account) throw new VerificationError('expired', 'The grant that this token came from has ended.')
    return reply.send(userinfoClaims(account, claims.scope?.split(' ') ?? []))
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    request.log.info({ refused: error.code }, 'access token refused')
    const { status, headers, body } = bearerRefusal(error, realm)
    return reply.status(status).headers(headers).send(body)
  }
}

/** RFC 6750 §2.1 and §2.2; no client may use more than one way at once (§2). */
function presentedToken(request: FastifyRequest, inBody: unknown): string {
  if (inBody === undefined) return bearerToken(request.raw)
  if (request.headers.authorization !== undefined || typeof inBody !== 'string')
    throw new VerificationError('malformed_request', 'Send the access token once, in the header or in the body.')
  return inBody
}
