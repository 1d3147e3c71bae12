import express from 'express'
import session from 'express-session'
import { generators, Issuer } from 'openid-client-5'

// The quick start of openid-client 5: the client with its id and secret alone, and the code flow with PKCE.
const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

const issuer = await Issuer.discover(ISSUER)
const client = new issuer.Client({
  client_id: CLIENT_ID,
  client_secret: CLIENT_SECRET,
  redirect_uris: [`${BASE_URL}/callback`],
  response_types: ['code'],
})
const app = express()
app.use(session({ secret: 'only for this trial', resave: false, saveUninitialized: false }))

app.get('/login', (request, response) => {
  const code_verifier = generators.codeVerifier()
  request.session.code_verifier = code_verifier
  response.redirect(
    client.authorizationUrl({
      scope: 'openid email profile offline_access',
      code_challenge: generators.codeChallenge(code_verifier),
      code_challenge_method: 'S256',
    }),
  )
})

app.get('/callback', async (request, response) => {
  const { code_verifier } = request.session
  const tokens = await client.callback(`${BASE_URL}/callback`, client.callbackParams(request), { code_verifier })
  Object.assign(request.session, { tokens, user: await client.userinfo(tokens.access_token) })
  response.redirect('/me')
})

app.get('/me', (request, response) => {
  if (request.session.user) response.json(request.session.user)
  else response.sendStatus(401)
})

app.get('/refresh', async (request, response) => {
  const tokens = await client.refresh(request.session.tokens.refresh_token)
  response.json({ ok: tokens.access_token !== request.session.tokens.access_token })
})

app.get('/logout', (request, response) => {
  const url = client.endSessionUrl({
    id_token_hint: request.session.tokens.id_token,
    post_logout_redirect_uri: `${BASE_URL}/`,
  })
  request.session.destroy(() => response.redirect(url))
})

app.listen(Number(PORT), '127.0.0.1')
