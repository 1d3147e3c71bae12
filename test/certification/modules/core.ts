import assert from 'node:assert/strict'
import { authorizationRequest, authorize, randomState } from '../support/authorization.ts'
import { claimsOfScope } from '../support/claims.ts'
import { newClient } from '../support/clients.ts'
import { complete, type Flow, finish, frontChannelTokens, signIn } from '../support/flow.ts'
import { type Module, type Play, Skipped, warn, warnUnless } from '../support/play.ts'
import { errorFrom, errorPageFrom } from '../support/responses.ts'
import { claimsFrom, fetchUserinfo, getUserinfo } from '../support/userinfo.ts'

/** oidcc-server, and with another authentication method oidcc-server-client-secret-post. */
export const server: Module = async (play) => {
  await signIn(play, await newClient(play))
}

/** Without a response type, the error of every plan is in the query. */
export const responseTypeMissing: Module = async (play) => {
  const client = await newClient(play)
  const request = authorizationRequest(play, client, { response_type: '' })
  const answer = await authorize(play, request)
  if (answer.response) errorFrom(play, request, answer, ['unsupported_response_type', 'invalid_request'])
  else errorPageFrom(answer)
}

/** oidcc-idtoken-signature: in hybrid flows both ID tokens. */
export const idTokenSignature: Module = async (play) => {
  const { idTokens } = await signIn(play, await newClient(play))
  for (const { alg, kid } of idTokens) {
    assert.equal(alg, 'RS256', 'the default of id_token_signed_response_alg')
    assert.ok(kid)
  }
}

export const idTokenUnsigned: Module = async ({ provider }) => {
  const algorithms = provider.metadata.id_token_signing_alg_values_supported
  if (!algorithms.includes('none')) throw new Skipped('ID tokens are always signed')
  throw new Error('Unsigned ID tokens cannot be checked.')
}

export const userinfoGet: Module = async (play) => {
  const flow = await signInForUserinfo(play)
  await claimsFrom(await getUserinfo(play, flow), flow)
}

export const userinfoPostHeader: Module = async (play) => {
  const flow = await signInForUserinfo(play)
  const headers = { authorization: `Bearer ${flow.accessToken}` }
  await claimsFrom(await fetchUserinfo(play, { method: 'POST', headers }), flow)
}

export const userinfoPostBody: Module = async (play) => {
  const flow = await signInForUserinfo(play)
  const body = new URLSearchParams({ access_token: flow.accessToken })
  const response = await fetchUserinfo(play, { method: 'POST', body })
  if (response.ok) await claimsFrom(response, flow)
  else warn(play, 'userinfo takes no access token in the body')
}

async function signInForUserinfo(play: Play): Promise<Flow & { readonly accessToken: string }> {
  const { accessToken, ...flow } = await signIn(play, await newClient(play))
  assert.ok(accessToken !== undefined, 'no access token')
  return { ...flow, accessToken }
}

/** oidcc-ensure-request-without-nonce-succeeds-for-code-flow ends before the token endpoint. It has no PKCE, either. */
export const withoutNonceSucceeds: Module = async (play) => {
  const client = await newClient(play)
  const request = authorizationRequest(play, client, { nonce: '' })
  await frontChannelTokens(play, client, request, await authorize(play, request))
}

/** oidcc-ensure-request-without-nonce-fails: with all types that return an ID token from the authorization endpoint (OpenID Connect Core §3.2.2.1, §3.3.2.11). */
export const withoutNonceFails: Module = async (play) => {
  const request = authorizationRequest(play, await newClient(play), { nonce: '' })
  errorFrom(play, request, await authorize(play, request), ['invalid_request'])
}

/** oidcc-scope-…: userinfo has every claim of the scopes, or the ID token if there is no access to userinfo (OpenID Connect Core §5.4). */
export function scopes(...names: readonly string[]): Module {
  return async (play) => {
    const missing = names.filter((name) => !play.provider.metadata.scopes_supported?.includes(name))
    if (missing.length > 0) throw new Skipped(`scopes_supported lacks ${missing}`)
    const { userinfo } = await signIn(play, await newClient(play), { scope: ['openid', ...names].join(' ') })
    for (const claim of names.flatMap((name) => claimsOfScope[name] ?? []))
      warnUnless(play, claim in userinfo, `${claim} is missing`)
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

/** By default the suite hints at `buffy` at the host of the issuer, whom nobody knows. */
export const loginHint: Module = async (play) => {
  const login_hint = `buffy@${new URL(play.provider.issuer).hostname}`
  await signIn(play, await newClient(play), { login_hint })
}

/** oidcc-claims-essential: a claim of a scope that is not requested. */
export const claimsEssential: Module = async (play) => {
  const place = play.variant.responseType === 'id_token' ? 'id_token' : 'userinfo'
  const claims = JSON.stringify({ [place]: { name: { essential: true } } })
  const { userinfo } = await signIn(play, await newClient(play), { claims })
  warnUnless(play, 'name' in userinfo, `${place} lacks name`)
}

export const acrValues: Module = async (play) => {
  const supported: readonly string[] = play.provider.metadata.acr_values_supported ?? ['1', '2']
  const { idToken } = await signIn(play, await newClient(play), { acr_values: supported.join(' ') })
  warnUnless(play, supported.includes(idToken.claims['acr']), `acr is ${idToken.claims['acr']}`)
}

export const registeredRedirectUri: Module = async (play) => {
  const client = await newClient(play)
  const request = authorizationRequest(play, client, { redirect_uri: `${client.redirectUri}/${randomState()}` })
  errorPageFrom(await authorize(play, request))
}

export const postRequest: Module = async (play) => {
  const client = await newClient(play)
  const request = authorizationRequest(play, client)
  await complete(play, client, request, await authorize(play, request, 'POST'))
}
