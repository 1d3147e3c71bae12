import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node'
import { genericOAuth } from 'better-auth/plugins'
import express from 'express'

// better-auth with its Generic OAuth plugin and the discovery URL, in front of Express.
const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

const auth = betterAuth({
  baseURL: BASE_URL,
  secret: 'a secret of at least 32 characters for the cookies',
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  plugins: [
    genericOAuth({
      config: [
        {
          providerId: 'signet',
          clientId: CLIENT_ID,
          clientSecret: CLIENT_SECRET,
          discoveryUrl: `${ISSUER}/.well-known/openid-configuration`,
          scopes: ['openid', 'profile', 'email', 'offline_access'],
        },
      ],
    }),
  ],
})
const app = express()
app.all('/api/auth/*splat', toNodeHandler(auth))

/** What the browser's part of better-auth does: POST, keep the cookies, follow the address in the answer. */
app.get('/login', async (_request, response) => {
  const body = { provider: 'signet', callbackURL: `${BASE_URL}/me` }
  const { headers, response: answer } = await auth.api.signInSocial({ body, returnHeaders: true })
  for (const cookie of headers.getSetCookie()) response.append('set-cookie', cookie)
  response.redirect(answer.url)
})

app.get('/me', async (request, response) => {
  const headers = fromNodeHeaders(request.headers)
  const session = await auth.api.getSession({ headers })
  if (!session) return response.sendStatus(401)
  const [account] = await auth.api.listUserAccounts({ headers })
  response.json({ ...session.user, sub: account.accountId })
})

app.get('/refresh', async (request, response) => {
  const headers = fromNodeHeaders(request.headers)
  const [{ id }] = await auth.api.listUserAccounts({ headers })
  const { accessToken } = await auth.api.refreshToken({ body: { accountId: id }, headers })
  response.json({ ok: typeof accessToken === 'string' })
})

app.get('/logout', async (request, response) => {
  const { headers } = await auth.api.signOut({ headers: fromNodeHeaders(request.headers), returnHeaders: true })
  for (const cookie of headers.getSetCookie()) response.append('set-cookie', cookie)
  response.redirect('/me')
})

app.listen(Number(PORT), '127.0.0.1')
