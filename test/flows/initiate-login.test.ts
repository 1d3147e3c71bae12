import t from 'tap'
import { sealRequest } from '../../src/interaction/continue-value.ts'
import { parametersOf } from '../../src/protocol/http/parameters.ts'
import { startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'

const idp = await startSignet(t)
const iss = `iss=${encodeURIComponent(idp.issuer)}`
const hour = 3_600_000

/** The page that a person sees who comes back to a sign-in after more than an hour. */
async function expiredPage(client: TestClient) {
  const sealed = sealRequest(idp.signet.secrets['request-sealing'], {
    parameters: parametersOf({
      values: new Map(Object.entries(authorizationParameters(client, pkce()))),
      resource: [],
    }),
    receivedAt: idp.signet.clock.now() - 2 * hour,
    selected: undefined,
    isSigned: false,
    pushed: undefined,
  })
  return idp.browser().get(`/authorize?continue=${sealed}`)
}

t.test('a sign-in that has expired starts again at the application, if it has an address for that', async (t) => {
  const client = await idp.client({ initiate_login_uri: 'https://app.example/login?from=signet' })
  const page = await expiredPage(client)
  t.match(
    page.text,
    new RegExp(`<a [^>]*href="https://app.example/login\\?from=signet&amp;${iss}"[^>]*rel="noreferrer"`),
  )
  t.notMatch(page.text, 'access_denied&', 'the application is not told that the person refused')
})

t.test('a sign-in that has expired goes back to an application without such an address, with an error', async (t) => {
  const page = await expiredPage(await idp.client())
  t.match(page.text, /<a [^>]*href="https:\/\/app.example\/callback\?error=access_denied&amp;/)
})

t.test('the page of connected applications starts a sign-in at those with an address for it', async (t) => {
  const person = await idp.person()
  const trusted = await idp.client({ client_name: 'Notes', initiate_login_uri: 'https://notes.example/login' })
  const without = await idp.client({ client_name: 'Bare' })
  const { browser } = await signIn(idp, trusted, { person })
  await signIn(idp, without, { person, browser })
  const { text } = await browser.get('/account/applications')
  const link = new RegExp(`<a id="open-${trusted.client_id}" href="([^"]*)" rel="noreferrer">`).exec(text)
  t.equal(link?.[1], `https://notes.example/login?${iss}`, 'nothing but the issuer is sent')
  t.notMatch(text, `open-${without.client_id}`)
  t.notMatch(text, 'leads to', 'the operator has registered both')
})

t.test('the page says where the link of an application leads that registered itself', async (t) => {
  const client = await idp.client({ client_name: 'Your bank', initiate_login_uri: 'https://phish.example/login' })
  await idp.changeClient(client, 'self_registered = true')
  const { browser } = await signIn(idp, client)
  t.match((await browser.get('/account/applications')).text, /leads to <bdi[^>]*>phish\.example<\/bdi>/)
})
