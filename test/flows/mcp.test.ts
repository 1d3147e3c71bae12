import { auth } from '@modelcontextprotocol/sdk/client/auth.js'
import t, { type Test } from 'tap'
import { type Idp, startSignet } from '../support/idp.ts'
import { passPages } from '../support/journey.ts'
import { createMcpClient, startMcpServer } from '../support/mcp.ts'

type McpClient = ReturnType<typeof createMcpClient>

/** Signs a person in from the address to which the client has sent them, and gives the client the code. */
async function signIn(idp: Idp, client: McpClient) {
  const person = await idp.person()
  const browser = idp.browser()
  const back = await passPages(browser, await browser.get(client.kept.redirectedTo?.href ?? ''), person)
  if (!back.location) throw new Error(`The sign-in ended at ${back.url} with ${back.status}:\n${back.text}`)
  await client.finish(back.location)
  return person
}

async function refreshes(t: Test, server: string, { provider, kept }: McpClient) {
  const before = kept.tokens?.access_token
  t.equal(await auth(provider, { serverUrl: server }), 'AUTHORIZED')
  t.not(kept.tokens?.access_token, before)
}

t.test('without registration, an MCP client says that it cannot register', async (t) => {
  const idp = await startSignet(t)
  const server = await startMcpServer(t, idp.issuer, ['tools', 'offline_access'])
  await idp.resource(server, ['tools'])
  await t.rejects(createMcpClient(server).callTool(), { message: /does not support dynamic client registration/ })
})

t.test('an MCP client that the operator registered signs in, calls a tool and refreshes', async (t) => {
  const idp = await startSignet(t)
  const server = await startMcpServer(t, idp.issuer, ['tools', 'offline_access'])
  await idp.resource(server, ['tools'])
  const client = createMcpClient(server)
  const { client_id } = await idp.client({
    redirect_uris: ['http://127.0.0.1/callback'],
    token_endpoint_auth_method: 'none',
    scope: 'offline_access tools',
    resources: [server],
  })
  client.kept.client = { client_id }
  await t.rejects(client.callTool(), { message: 'Unauthorized' })
  const person = await signIn(idp, client)
  t.strictSame(await client.callTool(), { sub: person.sub, scopes: ['tools'] })
  await refreshes(t, server, client)
  t.match(await client.callTool(), { sub: person.sub })
})
