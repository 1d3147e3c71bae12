import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { Test } from 'tap'
import { createVerifier, VerificationError } from '#verify'

/** Where an MCP client on a person's computer receives the answer. Nothing listens there: the test reads the address. */
const redirectUrl = 'http://127.0.0.1:8090/callback'

/**
 * An MCP server with one tool. Its metadata (RFC 9728) names the issuer, and `signet-verify` checks its tokens.
 *
 * @param scopes what its metadata lists
 * @returns its address, which is also the identifier of the resource
 */
export async function startMcpServer(t: Test, issuer: string, scopes: readonly string[]): Promise<string> {
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const resource = `${origin}/mcp`
  const metadataUrl = `${origin}/.well-known/oauth-protected-resource/mcp`
  const verifier = createVerifier({ issuer, audience: resource, requiredScopes: ['tools'] })
  return resource

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/.well-known/oauth-protected-resource/mcp')
      return sendJson(response, 200, { resource, authorization_servers: [issuer], scopes_supported: scopes })
    if (request.url !== '/mcp') return sendJson(response, 404, {})
    try {
      const token = request.headers.authorization?.replace(/^Bearer /i, '') ?? ''
      const { sub, client_id, scope } = await verifier.verify(token)
      const auth: AuthInfo = { token, clientId: client_id, scopes: (scope ?? '').split(' '), extra: { sub } }
      await handle(Object.assign(request, { auth }), response)
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      response.setHeader('www-authenticate', `Bearer error="invalid_token", resource_metadata="${metadataUrl}"`)
      sendJson(response, 401, { error: error.code })
    }
  }
}

/** Without a session of MCP's own: each request has a server of its own. */
async function handle(request: IncomingMessage & { auth: AuthInfo }, response: ServerResponse): Promise<void> {
  const server = new McpServer({ name: 'test', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who calls' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: JSON.stringify({ sub: authInfo?.extra?.['sub'], scopes: authInfo?.scopes }) }],
  }))
  const transport = new StreamableHTTPServerTransport()
  // Its types are not made for exactOptionalPropertyTypes.
  await server.connect(transport as Transport)
  response.once('close', () => void server.close())
  await transport.handleRequest(request, response)
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** What an MCP client keeps between requests. */
interface Kept {
  client?: OAuthClientInformationMixed
  tokens?: OAuthTokens
  codeVerifier?: string
  redirectedTo?: URL
}

/**
 * An MCP client as an application on a person's computer has it, which knows nothing but the address of a server.
 *
 * @param documentUrl where its maker has published its client ID metadata document; undefined if there is none
 */
export function createMcpClient(server: string, metadata: Partial<OAuthClientMetadata> = {}, documentUrl?: string) {
  const kept: Kept = {}
  const provider: OAuthClientProvider = {
    redirectUrl,
    clientMetadata: {
      client_name: 'Assistant',
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...metadata,
    },
    ...(documentUrl !== undefined && { clientMetadataUrl: documentUrl }),
    clientInformation: () => kept.client,
    saveClientInformation: (client) => {
      kept.client = client
    },
    tokens: () => kept.tokens,
    saveTokens: (tokens) => {
      kept.tokens = tokens
    },
    saveCodeVerifier: (codeVerifier) => {
      kept.codeVerifier = codeVerifier
    },
    codeVerifier: () => kept.codeVerifier ?? '',
    redirectToAuthorization: (url) => {
      kept.redirectedTo = url
    },
    invalidateCredentials: (scope) => {
      if (scope === 'all' || scope === 'client') delete kept.client
      if (scope === 'all' || scope === 'tokens') delete kept.tokens
    },
  }
  const transport = () => new StreamableHTTPClientTransport(new URL(server), { authProvider: provider })
  return {
    provider,
    kept,
    /**
     * Connects to the server and calls its tool.
     *
     * @throws an error 'Unauthorized' if a person has to sign in first
     */
    callTool: async (): Promise<{ sub: string; scopes: string[] }> => {
      const client = new Client({ name: 'test', version: '1.0.0' })
      try {
        await client.connect(transport() as Transport)
        const { content } = await client.callTool({ name: 'whoami' })
        const [first] = content as { text: string }[]
        return JSON.parse(first?.text ?? '')
      } finally {
        await client.close()
      }
    },
    /** Redeems the code in the address at which the person came back. */
    finish: async (callback: string) => transport().finishAuth(new URL(callback).searchParams.get('code') ?? ''),
  }
}
