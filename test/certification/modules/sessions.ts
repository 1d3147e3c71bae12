import assert from 'node:assert/strict'
import { askedToSignIn, authorizationRequest, authorize, randomState } from '../support/authorization.ts'
import { newClient, type SuiteClient } from '../support/clients.ts'
import { signIn } from '../support/flow.ts'
import type { IdToken } from '../support/id-tokens.ts'
import { type Module, type Play, waitFor } from '../support/play.ts'
import { errorFrom } from '../support/responses.ts'

export const promptLogin: Module = async (play) => {
  const client = await newClient(play)
  const first = await signIn(play, client)
  await waitFor(play, 1)
  const second = await signIn(play, client, { prompt: 'login' })
  assert.ok(askedToSignIn(second.answer), 'prompt=login did not ask')
  assertLater(second.idToken, first.idToken)
}

export const promptNoneNotLoggedIn: Module = async (play) => {
  await assertNotSignedIn(play, await newClient(play))
}

/** Also the end of all modules about logout: `prompt=none` is refused in the place and the mode of the response type. */
export async function assertNotSignedIn(play: Play, client: SuiteClient): Promise<void> {
  const request = authorizationRequest(play, client, { prompt: 'none', state: randomState(128) })
  errorFrom(play, request, await authorize(play, request), needsInteraction)
}

/** CheckErrorFromAuthorizationEndpointIsOneThatRequiredAUserInterface */
const needsInteraction: readonly string[] = [
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

function assertLater(second: IdToken, first: IdToken): void {
  if (second.authTime === undefined || first.authTime === undefined) return
  assert.ok(second.authTime > first.authTime, `auth_time ${second.authTime} is not later than ${first.authTime}`)
}

function assertSame(second: IdToken, first: IdToken): void {
  assert.equal(second.claims.sub, first.claims.sub, 'sub')
  if (second.authTime !== undefined && first.authTime !== undefined)
    assert.equal(second.authTime, first.authTime, 'auth_time')
}
