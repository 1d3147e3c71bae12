import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import t from 'tap'
import { findRecipe } from '../../src/cli/recipes/recipes.ts'
import { createRegistrationToken } from '../../src/operations/registration-tokens.ts'
import { type Idp, startSignet } from '../support/idp.ts'
import { passPages } from '../support/journey.ts'

const redirectUri = 'https://app.example.com/callback'

/**
 * Runs the script of a recipe with which an application registers itself.
 *
 * @param library the name by which the script imports its library, and the library
 * @param result the variable that holds what it registered
 */
async function run(
  name: string,
  idp: Idp,
  initialAccessToken: string | undefined,
  [library, module]: readonly [string, object],
  result: string,
) {
  const parts = findRecipe(name)?.registersItself?.({ issuer: idp.issuer, initialAccessToken }) ?? []
  const script = parts.find(({ file }) => file === 'register.mjs')?.text.replace(/^import .*$/gm, '') ?? ''
  const env = { ISSUER: idp.issuer, INITIAL_ACCESS_TOKEN: initialAccessToken }
  return new Function(library, 'process', `return (async () => {${script}\nreturn ${result} })()`)(module, { env })
}

async function visit(idp: Idp, url: URL) {
  const person = await idp.person()
  const browser = idp.browser()
  const back = await passPages(browser, await browser.get(url.href), person)
  return { person, callback: new URL(back.location ?? '') }
}

for (const registration of ['open', 'token'] as const) {
  const start = async (t: Parameters<typeof startSignet>[0]) => {
    const idp = await startSignet(t, { SIGNET_REGISTRATION: registration })
    const options = { ttl: 60, maxUses: 1, note: undefined }
    const operator = { kind: 'operator', by: 'test' } as const
    const token =
      registration === 'token' ? (await createRegistrationToken(idp.signet, operator, options)).token : undefined
    return { idp, token }
  }

  t.test(`openid-client registers itself and signs in (${registration})`, async (t) => {
    const { idp, token } = await start(t)
    const config: client.Configuration = await run('openid-client', idp, token, ['client', client], 'config')
    t.match(config.clientMetadata(), { client_id: /^client_/, registration_access_token: String })
    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const expectedState = client.randomState()
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid email',
      state: expectedState,
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    const { person, callback } = await visit(idp, url)
    const tokens = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState })
    t.equal(tokens.claims()?.sub, person.sub)
    t.match(await client.fetchUserInfo(config, tokens.access_token, person.sub), { email: person.email })
    if (token) await t.rejects(run('openid-client', idp, token, ['client', client], 'config'), 'the token is used up')
  })

  t.test(`oauth4webapi registers itself and signs in (${registration})`, async (t) => {
    const { idp, token } = await start(t)
    const [as, registered]: [oauth.AuthorizationServer, oauth.OmitSymbolProperties<oauth.Client>] = await run(
      'oauth4webapi',
      idp,
      token,
      ['oauth', oauth],
      '[as, client]',
    )
    const codeVerifier = oauth.generateRandomCodeVerifier()
    const state = oauth.generateRandomState()
    const url = new URL(as.authorization_endpoint ?? '')
    url.search = new URLSearchParams({
      client_id: registered.client_id,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid email',
      code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      state,
    }).toString()
    const { person, callback } = await visit(idp, url)
    const answer = oauth.validateAuthResponse(as, registered, callback, state)
    const response = await oauth.authorizationCodeGrantRequest(
      as,
      registered,
      oauth.ClientSecretPost(String(registered['client_secret'])),
      answer,
      redirectUri,
      codeVerifier,
      { [oauth.allowInsecureRequests]: true },
    )
    const tokens = await oauth.processAuthorizationCodeResponse(as, registered, response)
    t.equal(oauth.getValidatedIdTokenClaims(tokens)?.sub, person.sub)
  })
}
