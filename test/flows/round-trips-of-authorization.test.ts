import t from 'tap'
import { responseTypes } from '../../src/protocol/oidc-values.ts'
import { grantTypesFor } from '../../src/records/clients/grant-and-response-types.ts'
import { type CountedRequest, countRoundTrips } from '../support/count-round-trips.ts'
import { basic, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { push, withRequestUri } from '../support/request-objects.ts'

const idp = await startSignet(t, { SIGNET_LEGACY_RESPONSE_TYPES: 'on' })

const urlOf = (parameters: Record<string, string>) => `/authorize?${new URLSearchParams(parameters)}`

/** The statements of each request to a path. */
const statementsOf = (counted: readonly CountedRequest[], path: string) =>
  counted.filter((request) => request.path === path).map(({ statements }) => statements)

t.test('an authorization request of somebody who is signed in and has consented takes two round trips', async (t) => {
  const client = await idp.client({
    response_types: responseTypes,
    grant_types: [...new Set(responseTypes.flatMap(grantTypesFor)), 'refresh_token'],
  })
  const { browser } = await signIn(idp, client)
  // The database records once that keys sign tokens that live as long as an ID token.
  await idp.signet.keyRing.extendRetention(idp.signet.settings.idTokenTtl)
  const counts = countRoundTrips(t)
  for (const responseType of responseTypes)
    for (const isPushed of [false, true]) {
      const parameters = authorizationParameters(client, pkce(), { response_type: responseType, nonce: 'n' })
      const url = isPushed
        ? withRequestUri(client, (await push(idp, client, parameters)).body.request_uri)
        : urlOf(parameters)
      await idp.signet.clients.read(client.client_id)
      let location: string | undefined
      const counted = await counts.during(async () => {
        location = (await browser.get(url)).location
      })
      t.match(location, /[?#](code|id_token)=/)
      const insert = responseType === 'code' ? 'insert-authorization-code' : 'insert-authorization-code-with-tokens'
      t.same(
        statementsOf(counted, '/authorize'),
        [['find-session-for-client', insert]],
        `${responseType}${isPushed ? ', pushed' : ''}`,
      )
    }
})

t.test('a client that is not in the cache takes one more', async (t) => {
  const client = await idp.client()
  const { browser } = await signIn(idp, client)
  const counts = countRoundTrips(t)
  idp.signet.clients.clear()
  const counted = await counts.during(() => browser.get(urlOf(authorizationParameters(client, pkce()))))
  t.same(statementsOf(counted, '/authorize'), [['find-session-for-client', 'find-client', 'insert-authorization-code']])
})

t.test('somebody without a session is sent to the sign-in page without a statement', async (t) => {
  const client = await idp.client()
  await idp.signet.clients.read(client.client_id)
  const counts = countRoundTrips(t)
  const counted = await counts.during(() => idp.browser().get(urlOf(authorizationParameters(client, pkce()))))
  t.same(statementsOf(counted, '/authorize'), [[]])
})

t.test('a revocation takes two round trips', async (t) => {
  const client = await idp.client()
  const counts = countRoundTrips(t)
  for (const [kind, first] of [
    ['refresh_token', 'refresh-token-status'],
    ['access_token', 'access-token-statuses'],
  ] as const) {
    const { redeem } = await signIn(idp, client)
    const { body } = await redeem()
    await idp.signet.clients.read(client.client_id)
    const counted = await counts.during(() => revoke(client, body[kind]))
    t.same(statementsOf(counted, '/revoke'), [[first, 'end-grant-with-event']], kind)
    const again = await counts.during(() => revoke(client, body[kind]))
    t.same(
      statementsOf(again, '/revoke'),
      [[first, 'end-grant-with-event']],
      'also if there is nothing to revoke any more',
    )
  }
})

async function revoke(client: TestClient, token: string) {
  const headers = { authorization: basic(client.client_id, client.secret ?? '') }
  const { status } = await fetch(`http://127.0.0.1:${idp.signet.settings.port}/revoke`, {
    ...{ method: 'POST', headers, body: new URLSearchParams({ token }) },
  })
  if (status !== 200) throw new Error(`Not revoked: ${status}`)
}
