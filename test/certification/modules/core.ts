import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import {
  askedToSignIn,
  authorizationRequest,
  authorize,
  codeFrom,
  errorFrom,
  errorPageFrom,
  randomState,
} from '../support/authorization.ts'
import { claimsOfScope } from '../support/claims.ts'
import { credentialsOf, newClient } from '../support/clients.ts'
import { finish, signIn } from '../support/flow.ts'
import { type Module, Skipped, waitFor, warn, warnUnless } from '../support/play.ts'
import { assertTokenError, codeRequest, type IdToken, postToken, redeem } from '../support/tokens.ts'
import { claimsFrom, fetchUserinfo, getUserinfo } from '../support/userinfo.ts'

/** oidcc-server, and with another authentication method oidcc-server-client-secret-post. */
export const server: Module = async (play) => {
  await signIn(play, await newClient(play))
}

export const responseTypeMissing: Module = async (play) => {
  const client = await newClient(play)
  const request = authorizationRequest(play, client, { response_type: '' })
  const answer = await authorize(play, request)
  if (answer.response) errorFrom(play, request, answer, ['unsupported_response_type', 'invalid_request'])
  else errorPageFrom(answer)
}

export const idTokenSignature: Module = async (play) => {
  const { idToken } = await signIn(play, await newClient(play))
  assert.equal(idToken.alg, 'RS256', 'the default of id_token_signed_response_alg')
  assert.ok(idToken.kid)
}

export const idTokenUnsigned: Module = async ({ provider }) => {
  const algorithms = provider.metadata.id_token_signing_alg_values_supported
  if (!algorithms.includes('none')) throw new Skipped('ID tokens are always signed')
  throw new Error('Unsigned ID tokens cannot be checked.')
}

export const userinfoGet: Module = async (play) => {
  const flow = await signIn(play, await newClient(play))
  await claimsFrom(await getUserinfo(play, flow), flow)
}

export const userinfoPostHeader: Module = async (play) => {
  const flow = await signIn(play, await newClient(play))
  const headers = { authorization: `Bearer ${flow.accessToken}` }
  await claimsFrom(await fetchUserinfo(play, { method: 'POST', headers }), flow)
}

export const userinfoPostBody: Module = async (play) => {
  const flow = await signIn(play, await newClient(play))
  const body = new URLSearchParams({ access_token: flow.accessToken })
  const response = await fetchUserinfo(play, { method: 'POST', body })
  if (response.ok) await claimsFrom(response, flow)
  else warn(play, 'userinfo takes no access token in the body')
}

/** This module ends with the code. */
export const withoutNonce: Module = async (play) => {
  const request = authorizationRequest(play, await newClient(play), { nonce: '' })
  codeFrom(play, request, await authorize(play, request))
}

/** oidcc-scope-…: userinfo has every claim of the scopes. */
export function scopes(...names: readonly string[]): Module {
  return async (play) => {
    const missing = names.filter((name) => !play.provider.metadata.scopes_supported?.includes(name))
    if (missing.length > 0) throw new Skipped(`scopes_supported lacks ${missing}`)
    const { userinfo } = await signIn(play, await newClient(play), { scope: ['openid', ...names].join(' ') })
    for (const claim of names.flatMap((name) => claimsOfScope[name] ?? []))
      warnUnless(play, claim in userinfo, `userinfo lacks ${claim}`)
  }
}

/** oidcc-alternate-happy-flow: the scopes and the parameters in another order. */
export const otherOrder: Module = async (play) => {
  const client = await newClient(play)
  const request = authorizationRequest(play, client, { scope: 'address phone email profile openid' })
  await finish(play, client, Object.fromEntries(Object.entries(request).reverse()))
}

/** Modules that add parameters which must not cause an error. */
export function accepts(parameters: Readonly<Record<string, string>>): Module {
  return async (play) => {
    await signIn(play, await newClient(play), parameters)
  }
}

export const promptLogin: Module = async (play) => {
  const client = await newClient(play)
  const first = await signIn(play, client)
  await waitFor(play, 1)
  const second = await signIn(play, client, { prompt: 'login' })
  assert.ok(askedToSignIn(second.answer), 'prompt=login did not ask')
  assertLater(second.idToken, first.idToken)
}

export const promptNoneNotLoggedIn: Module = async (play) => {
  const state = randomState(128)
  const request = authorizationRequest(play, await newClient(play), { prompt: 'none', state })
  errorFrom(play, request, await authorize(play, request), needsInteraction)
}

/** CheckErrorFromAuthorizationEndpointIsOneThatRequiredAUserInterface */
export const needsInteraction: readonly string[] = [
  'login_required',
  'interaction_required',
  'account_selection_required',
  'consent_required',
]

export const promptNoneLoggedIn: Module = async (play) => {
  const client = await newClient(play)
  const first = await signIn(play, client)
  const second = await signIn(play, client, { prompt: 'none' })
  assertSame(second.idToken, first.idToken)
}

export const maxAge1: Module = async (play) => {
  const client = await newClient(play)
  const first = await signIn(play, client)
  await waitFor(play, 2)
  const second = await signIn(play, client, { max_age: '1' })
  assert.ok(askedToSignIn(second.answer), 'max_age=1 did not ask')
  assert.notEqual(second.idToken.authTime, undefined, 'auth_time is missing')
  assertLater(second.idToken, first.idToken)
  const now = Date.now() / 1000 + play.waited
  assert.ok(Math.abs(now - Number(second.idToken.authTime)) < 300, 'auth_time is not recent')
}

export const maxAge10000: Module = async (play) => {
  const client = await newClient(play)
  const first = await signIn(play, client, { max_age: '15000' })
  const second = await signIn(play, client, { max_age: '10000' })
  assert.ok(!askedToSignIn(second.answer), 'max_age=10000 asked')
  for (const { idToken } of [first, second]) assert.notEqual(idToken.authTime, undefined, 'auth_time is missing')
  assertSame(second.idToken, first.idToken)
}

export const idTokenHint: Module = async (play) => {
  const client = await newClient(play)
  const first = await signIn(play, client)
  const second = await signIn(play, client, { prompt: 'none', id_token_hint: first.idToken.text })
  assertSame(second.idToken, first.idToken)
}

/** By default the suite hints at `buffy` at the host of the issuer, whom nobody knows. */
export const loginHint: Module = async (play) => {
  const login_hint = `buffy@${new URL(play.provider.issuer).hostname}`
  await signIn(play, await newClient(play), { login_hint })
}

/** oidcc-claims-essential: a claim of a scope that is not requested. */
export const claimsEssential: Module = async (play) => {
  const claims = JSON.stringify({ userinfo: { name: { essential: true } } })
  const { userinfo } = await signIn(play, await newClient(play), { claims })
  warnUnless(play, 'name' in userinfo, 'userinfo lacks name')
}

export const acrValues: Module = async (play) => {
  const supported: readonly string[] = play.provider.metadata.acr_values_supported ?? ['1', '2']
  const { idToken } = await signIn(play, await newClient(play), { acr_values: supported.join(' ') })
  warnUnless(play, supported.includes(idToken.claims['acr']), `acr is ${idToken.claims['acr']}`)
}

export const codeReuse: Module = async (play) => {
  const client = await newClient(play)
  const { code } = await signIn(play, client)
  const again = await postToken(play, await credentialsOf(play, client), codeRequest(client, code))
  if (again.status === 200) warn(play, 'a code works twice')
  else assertTokenError(again, ['invalid_grant'])
}

export const codeReuseAfter30Seconds: Module = async (play) => {
  const client = await newClient(play)
  const flow = await signIn(play, client)
  await waitFor(play, 30)
  const again = await postToken(play, await credentialsOf(play, client), codeRequest(client, flow.code))
  assertTokenError(again, ['invalid_grant'])
  const { status } = await getUserinfo(play, flow)
  warnUnless(play, status >= 400 && status < 500, `userinfo answers ${status} after the code was used twice`)
}

export const registeredRedirectUri: Module = async (play) => {
  const client = await newClient(play)
  const request = authorizationRequest(play, client, { redirect_uri: `${client.redirectUri}/${randomState()}` })
  errorPageFrom(await authorize(play, request))
}

export const postRequest: Module = async (play) => {
  const client = await newClient(play)
  const request = authorizationRequest(play, client)
  const code = codeFrom(play, request, await authorize(play, request, 'POST'))
  await redeem(play, client, request, code)
}

export const validPkce: Module = async (play) => {
  const client = await newClient(play)
  const code_verifier = randomBytes(32).toString('base64url')
  const code_challenge = createHash('sha256').update(code_verifier).digest('base64url')
  const request = authorizationRequest(play, client, { code_challenge, code_challenge_method: 'S256' })
  const code = codeFrom(play, request, await authorize(play, request))
  const tokens = await redeem(play, client, request, code, { code_verifier })
  await claimsFrom(await getUserinfo(play, tokens), tokens)
}

function assertLater(second: IdToken, first: IdToken): void {
  if (second.authTime === undefined || first.authTime === undefined) return
  assert.ok(second.authTime > first.authTime, `auth_time ${second.authTime} is not later than ${first.authTime}`)
}

function assertSame(second: IdToken, first: IdToken): void {
  assert.equal(second.claims.sub, first.claims.sub, 'sub')
  if (second.authTime !== undefined && first.authTime !== undefined)
    assert.equal(second.authTime, first.authTime, 'auth_time')
}
