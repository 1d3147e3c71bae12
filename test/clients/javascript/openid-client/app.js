import express from 'express'
import session from 'express-session'
import * as client from 'openid-client'

// The quick start of openid-client's README: discovery with the secret as a string, and the code flow with PKCE.
const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

const config = await client.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
  // Only because this issuer has no TLS.
  execute: [client.allowInsecureRequests],
})
const redirect_uri = `${BASE_URL}/callback`
const app = express()
app.use(session({ secret: 'only for this trial', resave: false, saveUninitialized: false }))

app.get('/login', async (request, response) => {
  const code_verifier = client.randomPKCECodeVerifier()
  const parameters = {
    redirect_uri,
    scope: 'openid profile email offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
  }
  request.session.checks = { pkceCodeVerifier: code_verifier, idTokenExpected: true }
  response.redirect(client.buildAuthorizationUrl(config, parameters).href)
})

app.get('/callback', async (request, response) => {
  const tokens = await client.authorizationCodeGrant(config, new URL(request.url, BASE_URL), request.session.checks)
  const user = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  Object.assign(request.session, { user, tokens })
  response.redirect('/me')
})

app.get('/me', (request, response) => {
  if (request.session.user) response.json(request.session.user)
  else response.sendStatus(401)
})

app.get('/refresh', async (request, response) => {
  const tokens = await client.refreshTokenGrant(config, request.session.tokens.refresh_token)
  response.json({ ok: tokens.access_token !== request.session.tokens.access_token })
})

app.get('/logout', (request, response) => {
  const parameters = { post_logout_redirect_uri: `${BASE_URL}/`, id_token_hint: request.session.tokens.id_token }
  request.session.destroy(() => response.redirect(client.buildEndSessionUrl(config, parameters).href))
})

app.listen(Number(PORT), '127.0.0.1')
