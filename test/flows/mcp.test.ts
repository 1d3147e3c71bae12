import { auth } from '@modelcontextprotocol/sdk/client/auth.js'
import t, { type Test } from 'tap'
import { deleteClient } from '../../src/operations/client-registration.ts'
import type { ClientId } from '../../src/records/ids.ts'
import type { Browser } from '../support/browser.ts'
import { type Idp, type Person, startSignet } from '../support/idp.ts'
import { passPages } from '../support/journey.ts'
import { createMcpClient, startMcpServer } from '../support/mcp.ts'
import { register } from '../support/registration.ts'

type McpClient = ReturnType<typeof createMcpClient>

/** Signs a person in from the address to which the client has sent them, and gives the client the code. */
async function signIn(idp: Idp, client: McpClient, given: { person?: Person; browser?: Browser } = {}) {
  const person = given.person ?? (await idp.person())
  const browser = given.browser ?? idp.browser()
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

const open = { SIGNET_REGISTRATION: 'open' }

/** A Signet at which clients register themselves, and an MCP server whose API is open to them. */
async function openInstallation(t: Test, scopes: readonly string[] = ['tools', 'offline_access']) {
  const idp = await startSignet(t, open)
  const server = await startMcpServer(t, idp.issuer, scopes)
  await idp.resource(server, ['tools', 'tools:write'], { selfRegisteredClients: true })
  return { idp, server }
}

t.test('a client that registered itself gets no token for an API that is not open to such clients', async (t) => {
  const idp = await startSignet(t, open)
  const server = await startMcpServer(t, idp.issuer, ['tools', 'offline_access'])
  await idp.resource(server, ['tools'])
  const client = createMcpClient(server)
  await t.rejects(client.callTool(), { message: 'Unauthorized' })
  t.type(client.kept.client?.client_id, 'string', 'it has registered')
  const refused = await idp.browser().get(client.kept.redirectedTo?.href ?? '')
  t.match(new URL(refused.location ?? '').searchParams.get('error'), /^invalid_(?:target|scope)$/)
})

t.test(
  'an MCP client that knows only a URL registers itself, signs a person in, calls a tool and refreshes',
  async (t) => {
    const { idp, server } = await openInstallation(t)
    const client = createMcpClient(server)
    await t.rejects(client.callTool(), { message: 'Unauthorized' })
    t.match(client.kept.client, { client_id: /^client_/, client_secret: undefined, token_endpoint_auth_method: 'none' })
    const sent = client.kept.redirectedTo?.searchParams
    t.match(sent?.get('code_challenge_method'), 'S256')
    t.equal(sent?.get('resource'), server)
    const person = await signIn(idp, client)
    t.strictSame(await client.callTool(), { sub: person.sub, scopes: ['tools'] })
    await refreshes(t, server, client)
    t.match(await client.callTool(), { sub: person.sub })
  },
)

t.test('an MCP client can register in each way that the SDK knows', async (t) => {
  const { idp, server } = await openInstallation(t)
  const ways: Record<string, Parameters<typeof createMcpClient>[1]> = {
    'a secret in the body, as in the example of the SDK': { token_endpoint_auth_method: 'client_secret_post' },
    'a secret in the header': { token_endpoint_auth_method: 'client_secret_basic' },
    'no method': { token_endpoint_auth_method: undefined },
    'no grant types': { grant_types: undefined },
    'everything that a client says about itself': {
      client_uri: 'https://assistant.example',
      logo_uri: 'https://assistant.example/logo.png',
      tos_uri: '',
      software_id: 'assistant',
      software_version: '1.2.3',
    },
    'only a redirect URI': {
      client_name: undefined,
      token_endpoint_auth_method: undefined,
      grant_types: undefined,
      response_types: undefined,
    },
  }
  for (const [way, metadata] of Object.entries(ways)) {
    const client = createMcpClient(server, metadata)
    await t.rejects(client.callTool(), { message: 'Unauthorized' }, way)
    const person = await signIn(idp, client)
    t.match(await client.callTool(), { sub: person.sub }, way)
  }
})

t.test('a server without a list of scopes is named by resource alone', async (t) => {
  const { idp, server } = await openInstallation(t, [])
  const client = createMcpClient(server)
  await t.rejects(client.callTool(), { message: 'Unauthorized' })
  const person = await signIn(idp, client)
  t.match(await client.callTool(), { sub: person.sub })
})

t.test('a client that was deleted in the meantime registers again when it next refreshes', async (t) => {
  const { idp, server } = await openInstallation(t)
  const client = createMcpClient(server)
  await t.rejects(client.callTool(), { message: 'Unauthorized' })
  await signIn(idp, client)
  const first = client.kept.client?.client_id
  await deleteClient(idp.signet, { kind: 'operator', by: 'mcp.test' }, first as ClientId)
  idp.signet.clients.clear()
  t.equal(await auth(client.provider, { serverUrl: server }), 'REDIRECT')
  t.not(client.kept.client?.client_id, first)
  const person = await signIn(idp, client)
  t.match(await client.callTool(), { sub: person.sub })
})

t.test(
  'a client gets the other scopes of the same API when a tool demands them, without registering again',
  async (t) => {
    const { idp, server } = await openInstallation(t)
    const client = createMcpClient(server)
    await t.rejects(client.callTool(), { message: 'Unauthorized' })
    const { client_id } = client.kept.client ?? {}
    const browser = idp.browser()
    const person = await signIn(idp, client, { browser })
    // The SDK forgets nothing but the tokens, and asks for the scope of the server's challenge.
    delete client.kept.tokens
    t.equal(await auth(client.provider, { serverUrl: server, scope: 'tools tools:write' }), 'REDIRECT')
    await signIn(idp, client, { browser, person })
    t.same(client.kept.client?.client_id, client_id)
    t.strictSame(await client.callTool(), { sub: person.sub, scopes: ['tools', 'tools:write'] })
  },
)

t.test('the MCP clients of editors and assistants can register what they send', async (t) => {
  const { idp } = await openInstallation(t)
  const withCode = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }
  const loopback = 'http://localhost:8787/callback'
  const hosted = 'https://www.cursor.com/agents/mcp/oauth/callback'
  const sent: [string, { redirect_uris: string[] }, string[]?][] = [
    [
      'Visual Studio Code',
      {
        ...{ client_name: 'Visual Studio Code', client_uri: 'https://code.visualstudio.com', ...withCode },
        ...{ token_endpoint_auth_method: 'none', application_type: 'native' },
        redirect_uris: [
          ...['https://insiders.vscode.dev/redirect', 'https://vscode.dev/redirect'],
          ...['http://127.0.0.1/', 'http://127.0.0.1:33418/'],
        ],
      },
    ],
    [
      'Claude',
      {
        ...{ client_name: 'Claude', ...withCode, token_endpoint_auth_method: 'none' },
        redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      },
    ],
    [
      'Cursor, without the URI that any app could claim',
      {
        ...{ client_name: 'Cursor', ...withCode, token_endpoint_auth_method: 'none' },
        redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback', hosted, loopback],
      },
      [hosted, loopback],
    ],
  ]
  for (const [name, metadata, registered = metadata.redirect_uris] of sent)
    t.match(await register(idp, metadata), { status: 201, body: { redirect_uris: registered } }, name)
  for (const uri of ['cursor://anysphere.cursor-mcp/oauth/callback', 'javascript:alert(1)'])
    t.match(
      await register(idp, { redirect_uris: [uri], token_endpoint_auth_method: 'none' }),
      { status: 400, body: { error: 'invalid_redirect_uri' } },
      'alone',
    )
  for (const uri of ['javascript:alert(1)', 'ms-settings:x', 'data:text/html,x', 'Cursor://x/cb'])
    t.match(
      (await register(idp, { redirect_uris: [hosted, uri], token_endpoint_auth_method: 'none' })).status,
      400,
      uri,
    )
})
