import assert from 'node:assert/strict'
import { type Answer, type AuthorizationRequest, authorizationRequest, authorize } from './authorization.ts'
import type { SuiteClient } from './clients.ts'
import { type IdToken, readIdToken } from './id-tokens.ts'
import type { Play } from './play.ts'
import { issuedIn } from './responses.ts'
import { redeem, type Tokens } from './tokens.ts'
import { claimsFrom, getUserinfo } from './userinfo.ts'

/** What a sign-in has left, whatever the response type is. */
export interface Outcome {
  readonly request: AuthorizationRequest
  readonly answer: Answer
  readonly code: string | undefined
  /** All ID tokens, in the order in which they came. */
  readonly idTokens: readonly IdToken[]
  /** The last one. */
  readonly idToken: IdToken
  /** The last one. Undefined for the response type `id_token`. */
  readonly accessToken: string | undefined
  readonly refreshToken: string | undefined
}

export interface Flow extends Outcome {
  /** The claims of userinfo; for the response type `id_token`, which gives no access to it, those of the ID token. */
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
  return withUserinfo(play, await complete(play, client, request, await authorize(play, request)))
}

/** Every flow with an access token ends with this request. */
export async function withUserinfo(play: Play, outcome: Outcome): Promise<Flow> {
  const { accessToken, idToken } = outcome
  if (accessToken === undefined) return { ...outcome, userinfo: idToken.claims }
  return { ...outcome, userinfo: await claimsFrom(await getUserinfo(play, { accessToken }), { idToken }) }
}

/**
 * What follows the response to an authorization request: its tokens are checked, an access token is used, and a code is redeemed.
 *
 * @param more parameters of the token request
 */
export async function complete(
  play: Play,
  client: SuiteClient,
  request: AuthorizationRequest,
  answer: Answer,
  more: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const front = await frontChannelTokens(play, client, request, answer)
  const back = front.code === undefined ? undefined : await redeem(play, client, request, front.code, more)
  if (front.idToken && back) assertSameSubject(front.idToken, back.idToken)
  const idTokens = [front.idToken, back?.idToken].filter((token) => token !== undefined)
  const idToken = idTokens.at(-1)
  assert.ok(idToken, 'no ID token')
  return {
    ...{ request, answer, idTokens, idToken, code: front.code },
    accessToken: back?.accessToken ?? front.accessToken,
    refreshToken: back?.refreshToken,
  }
}

/** What the authorization endpoint has issued. Its access token is used before the code is. */
export async function frontChannelTokens(
  play: Play,
  client: SuiteClient,
  request: AuthorizationRequest,
  answer: Answer,
): Promise<Pick<Outcome, 'code' | 'accessToken'> & { readonly idToken: IdToken | undefined }> {
  const issued = issuedIn(play, request, answer)
  const { code, accessToken } = issued
  const accompanied = { by: 'authorization endpoint', accessToken, code } as const
  const idToken =
    issued.idToken === undefined ? undefined : await readIdToken(play, client, issued.idToken, request, accompanied)
  if (accessToken !== undefined) assert.equal((await getUserinfo(play, { accessToken })).status, 200, 'userinfo')
  return { code, accessToken, idToken }
}

/** VerifyIdTokenSubConsistentHybridFlow, and more strictly all that OpenID Connect Core §3.3.3.6 says about both ID tokens. */
export function assertSameSubject({ claims: front }: IdToken, { claims: back }: Tokens['idToken']): void {
  for (const name of ['iss', 'sub', 'aud', 'azp', 'auth_time', 'acr', 'amr', 'nonce', 'sid'])
    assert.deepEqual(back[name], front[name], `${name} differs between the ID tokens`)
}
