import { type Answer, type AuthorizationRequest, authorizationRequest, authorize, codeFrom } from './authorization.ts'
import type { SuiteClient } from './clients.ts'
import type { Play } from './play.ts'
import { redeem, type Tokens } from './tokens.ts'
import { claimsFrom, getUserinfo } from './userinfo.ts'

export interface Flow extends Tokens {
  readonly request: AuthorizationRequest
  readonly answer: Answer
  readonly code: string
  /** The claims of userinfo. */
  readonly userinfo: Readonly<Record<string, unknown>>
}

/**
 * A complete sign-in: authorization request, token request, userinfo, with all checks.
 *
 * @param more parameters of the authorization request
 */
export async function signIn(play: Play, client: SuiteClient, more: AuthorizationRequest = {}): Promise<Flow> {
  return finish(play, client, authorizationRequest(play, client, more))
}

/** The same with an authorization request that a module has made itself. */
export async function finish(play: Play, client: SuiteClient, request: AuthorizationRequest): Promise<Flow> {
  const answer = await authorize(play, request)
  const code = codeFrom(play, request, answer)
  const tokens = await redeem(play, client, request, code)
  const userinfo = await claimsFrom(await getUserinfo(play, tokens), tokens)
  return { ...tokens, request, answer, code, userinfo }
}
