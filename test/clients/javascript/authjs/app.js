import { ExpressAuth, getSession } from '@auth/express'
import express from 'express'

// Auth.js with a provider of type "oidc", as its guide for custom providers has it. The two callbacks only make `sub` visible, which
// Auth.js keeps from the application.
const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT } = process.env

const config = {
  secret: 'a secret of at least 32 characters for the cookies',
  providers: [
    { id: 'signet', name: 'Signet', type: 'oidc', issuer: ISSUER, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET },
  ],
  callbacks: {
    jwt: ({ token, profile }) => (profile ? { ...token, sub: profile.sub } : token),
    session: ({ session, token }) => ({ ...session, user: { ...session.user, sub: token.sub } }),
  },
}
const app = express()
app.set('trust proxy', true)
// Not '/auth/*' as for Express 4: with Express 5 the library then takes the whole path for its base.
app.use('/auth', ExpressAuth(config))

app.get('/', (_request, response) => response.send('Home'))

app.get('/me', async (request, response) => {
  const session = await getSession(request, config)
  if (session?.user) response.json(session.user)
  else response.sendStatus(401)
})

app.listen(Number(PORT), '127.0.0.1')
