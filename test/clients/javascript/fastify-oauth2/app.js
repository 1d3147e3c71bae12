import oauthPlugin from '@fastify/oauth2'
import createFastify from 'fastify'

// The sample of @fastify/oauth2 with discovery.
const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

const fastify = createFastify()
fastify.register(oauthPlugin, {
  name: 'signet',
  scope: ['openid', 'profile', 'email', 'offline_access'],
  credentials: { client: { id: CLIENT_ID, secret: CLIENT_SECRET } },
  startRedirectPath: '/login',
  callbackUri: `${BASE_URL}/callback`,
  discovery: { issuer: ISSUER },
})

// One person uses this application.
let token
let user

fastify.get('/callback', async function (request, reply) {
  ;({ token } = await this.signet.getAccessTokenFromAuthorizationCodeFlow(request))
  user = await this.signet.userinfo(token)
  return reply.redirect('/me')
})

fastify.get('/me', (_request, reply) => (user ? reply.send(user) : reply.code(401).send()))

fastify.get('/refresh', async function () {
  const { token: refreshed } = await this.signet.getNewAccessTokenUsingRefreshToken(token, {})
  const ok = refreshed.access_token !== token.access_token
  token = { ...token, ...refreshed }
  return { ok }
})

fastify.get('/logout', async function (_request, reply) {
  await this.signet.revokeToken(token, 'refresh_token', undefined)
  user = undefined
  return reply.redirect('/me')
})

await fastify.listen({ host: '127.0.0.1', port: Number(PORT) })
