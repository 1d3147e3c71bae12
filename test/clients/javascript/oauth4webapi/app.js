import express from 'express'
import session from 'express-session'
import * as oauth from 'oauth4webapi'

// The OpenID Connect example of oauth4webapi, which sends the secret in the body.
const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

// Only because this issuer has no TLS.
const options = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(ISSUER)
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
const client = { client_id: CLIENT_ID }
const authentication = oauth.ClientSecretPost(CLIENT_SECRET)
const redirect_uri = `${BASE_URL}/callback`
const app = express()
app.use(session({ secret: 'only for this trial', resave: false, saveUninitialized: false }))

app.get('/login', async (request, response) => {
  const code_verifier = oauth.generateRandomCodeVerifier()
  request.session.code_verifier = code_verifier
  const url = new URL(server.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri,
    response_type: 'code',
    scope: 'openid profile email offline_access',
    code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
  })
  response.redirect(url.href)
})

app.get('/callback', async (request, response) => {
  const parameters = oauth.validateAuthResponse(server, client, new URL(request.url, BASE_URL))
  const answer = await oauth.authorizationCodeGrantRequest(
    ...[server, client, authentication, parameters, redirect_uri, request.session.code_verifier, options],
  )
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, { requireIdToken: true })
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  const userinfo = await oauth.userInfoRequest(server, client, tokens.access_token, options)
  const user = await oauth.processUserInfoResponse(server, client, sub, userinfo)
  Object.assign(request.session, { user, tokens })
  response.redirect('/me')
})

app.get('/me', (request, response) => {
  if (request.session.user) response.json(request.session.user)
  else response.sendStatus(401)
})

app.get('/refresh', async (request, response) => {
  const { tokens } = request.session
  const answer = await oauth.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, options)
  const refreshed = await oauth.processRefreshTokenResponse(server, client, answer)
  response.json({ ok: refreshed.access_token !== tokens.access_token })
})

app.get('/logout', async (request, response) => {
  const { refresh_token } = request.session.tokens
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(server, client, authentication, refresh_token, options),
  )
  request.session.destroy(() => response.redirect('/me'))
})

app.listen(Number(PORT), '127.0.0.1')
