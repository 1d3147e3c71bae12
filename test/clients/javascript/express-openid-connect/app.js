import express from 'express'
import openid from 'express-openid-connect'

// The sample of express-openid-connect for applications that call an API, because its default response type is id_token.
const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

const app = express()
app.use(
  openid.auth({
    issuerBaseURL: ISSUER,
    baseURL: BASE_URL,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: 'a long, randomly-generated string stored in env',
    authorizationParams: { response_type: 'code', scope: 'openid profile email offline_access' },
    authRequired: false,
    idpLogout: true,
  }),
)

app.get('/', (_request, response) => response.send('Home'))

app.get('/me', (request, response) => {
  if (request.oidc.isAuthenticated()) response.json(request.oidc.user)
  else response.sendStatus(401)
})

app.get('/refresh', async (request, response) => {
  const before = request.oidc.accessToken.access_token
  const { access_token } = await request.oidc.accessToken.refresh()
  response.json({ ok: access_token !== before })
})

app.listen(Number(PORT), '127.0.0.1')
