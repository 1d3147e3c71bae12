import assert from 'node:assert/strict'
import { decodeProtectedHeader } from 'jose'
import sharp from 'sharp'
import type { Visit } from '../../support/browser.ts'
import { authorizationRequest, authorize } from '../support/authorization.ts'
import {
  credentialsOf,
  newClient,
  newClientWithJwksUri,
  postRegistration,
  redirectUriOf,
  registrationRequest,
} from '../support/clients.ts'
import { complete, frontChannelTokens, signIn } from '../support/flow.ts'
import { verifySignature } from '../support/id-tokens.ts'
import { type Module, type Play, Skipped, warnUnless } from '../support/play.ts'
import { errorPageFrom } from '../support/responses.ts'
import { assertTokenError, codeRequest, postToken, tokensFrom } from '../support/tokens.ts'
import { getUserinfo } from '../support/userinfo.ts'

export const idTokenRs256: Module = async (play) => {
  const { idTokens } = await signIn(play, await newClient(play, { id_token_signed_response_alg: 'RS256' }))
  for (const { alg, kid } of idTokens) {
    assert.equal(alg, 'RS256')
    assert.ok(kid)
  }
}

export const userinfoRs256: Module = async (play) => {
  assert.ok(play.provider.metadata.userinfo_signing_alg_values_supported?.includes('RS256'))
  const client = await newClient(play, { userinfo_signed_response_alg: 'RS256' })
  const request = authorizationRequest(play, client)
  const { accessToken = '', idToken } = await complete(play, client, request, await authorize(play, request))
  const response = await getUserinfo(play, { accessToken })
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^application\/jwt\b/)
  const text = await response.text()
  const { alg, kid } = decodeProtectedHeader(text)
  assert.equal(alg, 'RS256')
  await verifySignature(play, text, { alg, kid })
  const claims = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString())
  assert.equal(claims.sub, idToken.claims.sub)
  assert.ok(!('nonce' in claims), 'nonce in userinfo')
  warnUnless(play, claims.iss === play.provider.issuer, 'iss of userinfo')
  warnUnless(play, [claims.aud].flat().includes(client.client_id), 'aud of userinfo')
}

/** oidcc-ensure-redirect-uri-in-authorization-request: of two, the provider cannot choose one. */
export const redirectUriMissing: Module = async (play) => {
  const uri = redirectUriOf(play.suite)
  const client = await newClient(play, { redirect_uris: [uri, `${uri}/other`] })
  errorPageFrom(await authorize(play, authorizationRequest(play, client, { redirect_uri: '' })))
}

export const redirectUriWithQuery: Module = async (play) => {
  await signIn(play, await newClient(play, { redirect_uris: [`${redirectUriOf(play.suite)}?bar=foo`] }))
}

/** oidcc-redirect-uri-query-mismatch and -added: a page, because the address is not the registered one. */
export function otherRedirectUri(registered: string, sent: string): Module {
  return async (play) => {
    const uri = redirectUriOf(play.suite)
    const client = await newClient(play, { redirect_uris: [uri + registered] })
    errorPageFrom(await authorize(play, authorizationRequest(play, client, { redirect_uri: uri + sent })))
  }
}

export const redirectUriWithFragment: Module = async (play) => {
  const redirect_uris = [`${redirectUriOf(play.suite)}#foobar`]
  await refused(play, { redirect_uris }, ['invalid_redirect_uri', 'invalid_client_metadata'])
}

async function refused(play: Play, metadata: Record<string, unknown>, errors: readonly string[]): Promise<void> {
  const { status, body } = await postRegistration(play, { ...registrationRequest(play), ...metadata })
  if (status === 201) play.registrations.push(body)
  assert.equal(status, 400, JSON.stringify(body))
  assert.ok(errors.includes(body.error), `error is ${body.error}`)
}

/** oidcc-registration-logo-uri: the sign-in page has the logo, for a picture of the page. */
export const logo: Module = async (play) => {
  const body = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#224466' } })
    .png()
    .toBuffer()
  const logo_uri = play.suite.server.serve('/images/logo.png', { type: 'image/png', body })
  const page = await signInPage(play, { logo_uri })
  const shown = [...page.text.matchAll(/<img\b[^>]*\bsrc="([^"]+)"/g)].map(([, source = '']) => source)
  const pictures = await Promise.all(
    shown.map(async (source) => fetch(new URL(source, play.provider.issuer)).then((reply) => reply.headers)),
  )
  assert.ok(
    pictures.some((headers) => /^image\/(?:png|jpeg|webp)\b/.test(headers.get('content-type') ?? '')),
    `no picture among ${shown}`,
  )
}

/** oidcc-registration-policy-uri and -tos-uri: the sign-in page has a link. */
export function link(member: 'policy_uri' | 'tos_uri'): Module {
  return async (play) => {
    // The suite's value, which is not at the host of the client.
    const page = await signInPage(play, { [member]: 'https://openid.net' })
    assert.match(page.text, /href="https:\/\/openid\.net\/?"/)
  }
}

/** These modules end with the page that asks the person to sign in. */
async function signInPage(play: Play, metadata: Record<string, unknown>): Promise<Visit> {
  const client = await newClient(play, metadata)
  const query = new URLSearchParams(authorizationRequest(play, client))
  const first = await play.browser.get(`${play.provider.metadata.authorization_endpoint}?${query}`)
  const page = await play.browser.follow(first)
  assert.match(page.text, /id="password"/)
  return page
}

export const jwksUri: Module = async (play) => {
  await signIn(play, await newClientWithJwksUri(play))
}

/** oidcc-registration-sector-uri: registered if the document has the redirect URI; no sign-in follows. */
export const sectorIdentifier: Module = async (play) => {
  skipUnlessPairwise(play)
  await newClient(play, sectorWith(play, [redirectUriOf(play.suite)]))
}

export const badSectorIdentifier: Module = async (play) => {
  skipUnlessPairwise(play)
  await refused(play, sectorWith(play, ['https://example.com/op']), ['invalid_client_metadata'])
}

function skipUnlessPairwise({ provider }: Play): void {
  if (!provider.metadata.subject_types_supported.includes('pairwise')) throw new Skipped('no pairwise subjects')
}

/** The suite has one address for both modules, which follow each other within seconds. */
function sectorWith({ suite }: Play, redirectUris: readonly string[]): Record<string, unknown> {
  const body = JSON.stringify(redirectUris)
  const sector_identifier_uri = suite.server.serve('/redirect_uris.json', { type: 'application/json', body })
  return { subject_type: 'pairwise', sector_identifier_uri }
}

/** oidcc-ensure-client-assertion-with-iss-aud-succeeds: it may be refused, but then the suite warns. Without a code, there is no assertion. */
export const assertionForIssuer: Module = async (play) => {
  const client = await newClient(play)
  const request = authorizationRequest(play, client)
  const { code } = await frontChannelTokens(play, client, request, await authorize(play, request))
  if (code === undefined) return
  const credentials = await credentialsOf(play, client, { audience: play.provider.issuer })
  const reply = await postToken(play, credentials, codeRequest(client, code))
  warnUnless(play, reply.status === 200, 'an assertion for the issuer is refused')
  if (reply.status === 200) await tokensFrom(play, client, reply, request, code)
  else assertTokenError(reply, ['invalid_client'])
}

/** oidcc-3rd_party-init-login: the metadata comes back, also when it is read again (RFC 7592 §2.1). */
export const initiateLogin: Module = async (play) => {
  const initiate_login_uri = `${play.suite.server.base}/initiate_login`
  const { registration } = await newClient(play, { initiate_login_uri })
  assert.equal(registration.initiate_login_uri, initiate_login_uri)
  const response = await fetch(registration.registration_client_uri, {
    headers: { authorization: `Bearer ${registration.registration_access_token}`, accept: 'application/json' },
  })
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^application\/json\b/)
  const read = (await response.json()) as { initiate_login_uri?: string }
  assert.equal(read.initiate_login_uri, initiate_login_uri)
}

export const initiateLoginWithoutTls: Module = async (play) => {
  const initiate_login_uri = `${play.suite.server.base}/initiate_login`.replace('https:', 'http:')
  await refused(play, { initiate_login_uri }, ['invalid_client_metadata'])
}
