import { auth, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InMemoryOAuthClientProvider } from '@modelcontextprotocol/sdk/examples/client/simpleOAuthClientProvider.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { createRemoteJWKSet, jwtVerify } from 'jose'

// An MCP server that Signet protects, and the SDK's example client with a client_id that was registered before.
const { ISSUER, CLIENT_ID, AUDIENCE, BASE_URL, PORT } = process.env
const serverUrl = new URL(AUDIENCE)
const app = express()

// The server: it names its authorization server and checks tokens.
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`))
app.use(
  mcpAuthMetadataRouter({
    oauthMetadata: await (await fetch(`${ISSUER}/.well-known/oauth-authorization-server`)).json(),
    resourceServerUrl: serverUrl,
    // offline_access is what makes the SDK ask for a refresh token.
    scopesSupported: ['tools', 'offline_access'],
  }),
)
const verifier = {
  verifyAccessToken: async (token) => {
    const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt' })
    const { client_id, scope, exp, sub } = payload
    return { token, clientId: client_id, scopes: scope.split(' '), expiresAt: exp, extra: { sub } }
  },
}
const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(serverUrl)
app.post('/mcp', requireBearerAuth({ verifier, resourceMetadataUrl }), express.json(), async (request, response) => {
  const server = new McpServer({ name: 'trial', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who calls' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: authInfo.extra.sub }],
  }))
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await server.connect(transport)
  await transport.handleRequest(request, response, request.body)
})

// The client.
let redirectedTo
const provider = new InMemoryOAuthClientProvider(
  `${BASE_URL}/callback`,
  {
    client_name: 'Simple OAuth MCP Client',
    redirect_uris: [`${BASE_URL}/callback`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  },
  (url) => {
    redirectedTo = url
  },
)
provider.saveClientInformation({ client_id: CLIENT_ID })
const connect = async (transport) => {
  const client = new Client({ name: 'simple-oauth-client', version: '1.0.0' })
  await client.connect(transport)
  return client
}
const newTransport = () => new StreamableHTTPClientTransport(serverUrl, { authProvider: provider })
let waiting

app.get('/login', async (_request, response) => {
  waiting = newTransport()
  await connect(waiting).catch((error) => {
    if (!(error instanceof UnauthorizedError)) throw error
  })
  response.redirect(redirectedTo.href)
})

app.get('/callback', async (request, response) => {
  await waiting.finishAuth(request.query.code)
  response.redirect('/me')
})

app.get('/me', async (_request, response) => {
  if (!provider.tokens()) return response.sendStatus(401)
  const client = await connect(newTransport())
  const { content } = await client.callTool({ name: 'whoami' })
  response.json({ sub: content[0].text })
})

app.get('/refresh', async (_request, response) => {
  const before = provider.tokens().access_token
  const result = await auth(provider, { serverUrl })
  response.json({ ok: result === 'AUTHORIZED' && provider.tokens().access_token !== before })
})

app.listen(Number(PORT), '127.0.0.1')
