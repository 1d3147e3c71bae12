import { auth } from '@modelcontextprotocol/sdk/client/auth.js'
import t from 'tap'
import { deleteClient } from '../../src/operations/client-registration.ts'
import { finishEndings } from '../../src/operations/finish-endings.ts'
import type { ClientId } from '../../src/records/ids.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { startDocumentHost } from '../support/client-documents.ts'
import { eventually } from '../support/eventually.ts'
import { serverName } from '../support/https-server.ts'
import type { Person } from '../support/idp.ts'
import { passPages } from '../support/journey.ts'
import { createMcpClient, startMcpServer } from '../support/mcp.ts'

type McpClient = ReturnType<typeof createMcpClient>

const host = await startDocumentHost(t)
const { idp } = host
const server = await startMcpServer(t, idp.issuer, ['tools', 'offline_access'])
await idp.resource(server, ['tools', 'tools:write'], { selfRegisteredClients: true })

/** Publishes a document as an assistant on a person's computer has it. */
function publish(path: string): string {
  const redirect_uris = ['http://127.0.0.1/callback', 'http://localhost/callback']
  return host.publish(path, { client_name: 'Assistant', redirect_uris }, { 'cache-control': 'max-age=300' })
}

/** Signs a person in from the address to which the client has sent them, and gives the client the code. */
async function signIn(client: McpClient, given: { person?: Person; browser?: Browser } = {}) {
  const person = given.person ?? (await idp.person())
  const browser = given.browser ?? idp.browser()
  const pages: Visit[] = []
  const first = await browser.get(client.kept.redirectedTo?.href ?? '')
  const back = await passPages(browser, first, person, (page) => void pages.push(page))
  if (!back.location) throw new Error(`The sign-in ended at ${back.url} with ${back.status}:\n${back.text}`)
  await client.finish(back.location)
  return { person, browser, pages: pages.map(({ text }) => text.replace(/<[^>]*>/g, '')) }
}

t.test(
  'an MCP client with a document signs a person in, calls a tool and refreshes, without being registered',
  async (t) => {
    const url = publish('/oauth/client')
    const client = createMcpClient(server, {}, url)
    await t.rejects(client.callTool(), { message: 'Unauthorized' })
    t.strictSame(client.kept.client?.client_id, url)
    const sent = client.kept.redirectedTo?.searchParams
    t.equal(sent?.get('client_id'), url)
    t.equal(sent?.get('resource'), server)
    t.same(host.asked, [], 'the client has not fetched its document, and Signet has not either')

    const { person, pages } = await signIn(client)
    const [signInPage, consentPage] = pages
    t.match(signInPage, `to continue to ${serverName}:${host.port}`)
    t.match(consentPage, `Give ${serverName}:${host.port} access?`)
    t.match(consentPage, 'This application calls itself Assistant. Signet has verified its address, but not this name.')
    t.match(consentPage, 'You will return to 127.0.0.1:8090 either way.')
    t.match(consentPage, 'The application runs on your device, where Signet cannot tell it from other programs.')

    t.strictSame(await client.callTool(), { sub: person.sub, scopes: ['tools'] })
    const before = client.kept.tokens?.access_token ?? ''
    t.equal(claimsOf(before).client_id, url)
    t.equal(await auth(client.provider, { serverUrl: server }), 'AUTHORIZED')
    t.not(client.kept.tokens?.access_token, before)
    t.match(await client.callTool(), { sub: person.sub })
    t.same(host.asked, ['/oauth/client'], 'it was fetched once')
  },
)

t.test('a person sees the client by its host in their account, and can disconnect it', async (t) => {
  const client = createMcpClient(server, {}, publish('/oauth/listed'))
  await t.rejects(client.callTool(), { message: 'Unauthorized' })
  const { browser } = await signIn(client)
  const list = await browser.get('/account/applications')
  t.match(list.text, `<bdi class="host">${serverName}:${host.port}</bdi>`)
  t.match(list.text.replace(/<[^>]*>/g, ''), 'This application calls itself Assistant.')
  const activity = await browser.get('/account/activity')
  t.match(activity.text, `<bdi class="host">${serverName}:${host.port}</bdi>`)
  await browser.submit(list, `disconnect-${client.kept.client?.client_id}`, {})
  t.equal(await auth(client.provider, { serverUrl: server }), 'REDIRECT', 'its refresh token has ended')
})

t.test('the client gets the other scopes of the same API with the same client_id', async (t) => {
  const url = publish('/oauth/step-up')
  const client = createMcpClient(server, {}, url)
  await t.rejects(client.callTool(), { message: 'Unauthorized' })
  const { person, browser } = await signIn(client)
  delete client.kept.tokens
  t.equal(await auth(client.provider, { serverUrl: server, scope: 'tools tools:write' }), 'REDIRECT')
  await signIn(client, { person, browser })
  t.equal(client.kept.client?.client_id, url)
  t.strictSame(await client.callTool(), { sub: person.sub, scopes: ['tools', 'tools:write'] })
})

t.test('a client that an operator deleted can sign in again with the same client_id', async (t) => {
  const url = publish('/oauth/deleted')
  const client = createMcpClient(server, {}, url)
  await t.rejects(client.callTool(), { message: 'Unauthorized' })
  await signIn(client)
  await deleteClient(idp.signet, { kind: 'operator', by: 'mcp.test' }, url as ClientId)
  idp.signet.clients.clear()
  // The row of the client is deleted last, after everything that it had.
  const rowOfClient = { text: 'SELECT FROM clients WHERE client_id = $1', values: [url] }
  await eventually('the row of the client to be deleted', async () => {
    await finishEndings(idp.signet, new AbortController().signal)
    return (await idp.signet.database.query(rowOfClient)).rowCount === 0
  })
  t.equal(await auth(client.provider, { serverUrl: server }), 'REDIRECT', 'its refresh token has ended')
  t.equal(client.kept.client?.client_id, url)
  const { person } = await signIn(client)
  t.match(await client.callTool(), { sub: person.sub })
})

t.test('if its document is gone, the person reads so, and nothing is sent to the application', async (t) => {
  const client = createMcpClient(server, {}, host.url('/oauth/gone'))
  await t.rejects(client.callTool(), { message: 'Unauthorized' })
  const page = await idp.browser().get(client.kept.redirectedTo?.href ?? '')
  t.match(page, { status: 503, location: undefined, text: 'We could not find out which application this is' })
})

t.test('a client whose host is not on the list is refused on a page', async (t) => {
  const client = createMcpClient(server, {}, 'https://other.example/oauth/client')
  await t.rejects(client.callTool(), { message: 'Unauthorized' })
  const page = await idp.browser().get(client.kept.redirectedTo?.href ?? '')
  t.match(page, { status: 400, location: undefined, text: 'This application is not accepted here' })
})

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}
