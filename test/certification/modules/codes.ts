import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { authorizationRequest, authorize } from '../support/authorization.ts'
import { credentialsOf, newClient, type SuiteClient } from '../support/clients.ts'
import { complete, type Outcome, signIn, withUserinfo } from '../support/flow.ts'
import { type Module, type Play, waitFor, warn, warnUnless } from '../support/play.ts'
import { assertTokenError, codeRequest, postToken } from '../support/tokens.ts'
import { getUserinfo } from '../support/userinfo.ts'

export const codeReuse: Module = async (play) => {
  const client = await newClient(play)
  const again = await redeemAgain(play, client, await signIn(play, client))
  if (again.status === 200) warn(play, 'a code works twice')
  else assertTokenError(again, ['invalid_grant'])
}

export const codeReuseAfter30Seconds: Module = async (play) => {
  const client = await newClient(play)
  const flow = await signIn(play, client)
  await waitFor(play, 30)
  assertTokenError(await redeemAgain(play, client, flow), ['invalid_grant'])
  const { status } = await getUserinfo(play, { accessToken: flow.accessToken ?? '' })
  warnUnless(play, status >= 400 && status < 500, `userinfo answers ${status} after the code was used twice`)
}

async function redeemAgain(play: Play, client: SuiteClient, { code }: Outcome) {
  assert.ok(code !== undefined, 'no code')
  return postToken(play, await credentialsOf(play, client), codeRequest(client, code))
}

export const validPkce: Module = async (play) => {
  const client = await newClient(play)
  const code_verifier = randomBytes(32).toString('base64url')
  const code_challenge = createHash('sha256').update(code_verifier).digest('base64url')
  const request = authorizationRequest(play, client, { code_challenge, code_challenge_method: 'S256' })
  const answer = await authorize(play, request)
  await withUserinfo(play, await complete(play, client, request, answer, { code_verifier }))
}
