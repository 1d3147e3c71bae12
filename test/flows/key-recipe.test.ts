import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import t from 'tap'
import { applicationOf } from '../../src/cli/recipes/application.ts'
import { findRecipe, partsFor } from '../../src/cli/recipes/recipes.ts'
import { startSignet } from '../support/idp.ts'
import { passPages } from '../support/journey.ts'

const recipe = findRecipe('openid-client')
if (!recipe) throw new Error('openid-client')

for (const alg of ['ES256', 'RS256', 'PS256', 'EdDSA'] as const)
  t.test(`openid-client authenticates with a key as its recipe says (${alg})`, async (t) => {
    const idp = await startSignet(t)
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    const jwk = await exportJWK(publicKey)
    const kid = await calculateJwkThumbprint(jwk)
    const registered = await idp.client({
      redirect_uris: ['https://app.example.com/callback'],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: alg,
      require_pushed_authorization_requests: true,
      jwks: { keys: [{ ...jwk, kty: jwk.kty ?? '', alg, use: 'sig', kid }] },
      id_token_signed_response_alg: 'RS256',
    })
    const parts = partsFor(recipe, applicationOf(registered, idp.issuer))
    // The script until the browser is sent away, with the key in place of the file.
    const [script = ''] = (parts.find(({ file }) => file === 'app.mjs')?.text ?? '')
      .replace(/^import .*$|^const (?:jwk|privateKey) = .*$/gm, '')
      .split('// At the redirect URI')
    const env = { ISSUER: idp.issuer, CLIENT_ID: registered.client_id }
    const run = new Function(
      ...['client', 'process', 'privateKey'],
      `return (async () => {${script}\nreturn { config, url, codeVerifier, state } })()`,
    )
    const { config, url, codeVerifier, state } = await run(client, { env }, { key: privateKey, kid })
    t.same([...url.searchParams.keys()].sort(), ['client_id', 'request_uri'], 'it pushes')
    const person = await idp.person()
    const browser = idp.browser()
    const back = await passPages(browser, await browser.get(url.href), person)
    const checks = { pkceCodeVerifier: codeVerifier, expectedState: state }
    const tokens = await client.authorizationCodeGrant(config, new URL(back.location ?? ''), checks)
    t.equal(tokens.claims()?.sub, person.sub)
  })
