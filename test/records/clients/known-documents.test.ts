import t from 'tap'
import { isRegisteredRedirectUri } from '../../../src/interaction/redirect-uri.ts'
import type { Client } from '../../../src/records/clients/client.ts'
import { readClientDocument } from '../../../src/records/clients/client-document.ts'

/*
 * The client ID metadata documents of widely used MCP clients, as they were published in September 2026. One document is for all servers, so a rule that refuses one of
 * them locks its users out. What such a client sends at run time is beside it.
 */

const claude = 'https://claude.ai/oauth/mcp-oauth-client-metadata'
const claudeCode = 'https://claude.ai/oauth/claude-code-client-metadata'
const code = 'https://vscode.dev/oauth/client-metadata.json'
const chatgpt = 'https://chatgpt.com/oauth/client.json'
const opencode = 'https://opencode.ai/oauth/opencode/client.json'

interface Known {
  /** With which redirect URIs it sends people. */
  readonly sends: readonly string[]
  readonly method: 'none' | 'private_key_jwt'
  readonly document: Readonly<Record<string, unknown>> & { readonly client_id: string; readonly client_name: string }
}

const known: readonly Known[] = [
  {
    sends: ['https://claude.ai/api/mcp/auth_callback'],
    method: 'none',
    document: {
      client_id: claude,
      client_name: 'Claude',
      client_uri: 'https://claude.ai',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
  },
  {
    // No application_type, and no port.
    sends: ['http://localhost:54321/callback', 'http://127.0.0.1:8976/callback'],
    method: 'none',
    document: {
      client_id: claudeCode,
      client_name: 'Claude Code',
      client_uri: 'https://claude.ai',
      redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
  },
  {
    // native with an https redirect URI, and a grant type that documents cannot have here.
    sends: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
    method: 'none',
    document: {
      client_name: 'Visual Studio Code',
      logo_uri: 'https://code.visualstudio.com/assets/branding/code-stable.png',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      client_id: code,
      client_uri: 'https://vscode.dev/product',
      redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
    },
  },
  {
    sends: ['https://chatgpt.com/connector_platform_oauth_redirect'],
    method: 'private_key_jwt',
    document: {
      client_id: chatgpt,
      client_uri: 'https://chatgpt.com/',
      redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      client_name: 'ChatGPT',
      logo_uri: 'https://persistent.oaistatic.com/sonic/misc/openai-logo.png',
      token_endpoint_auth_signing_alg: 'RS256',
      jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
    },
  },
  {
    sends: ['http://127.0.0.1:19876/callback', 'http://localhost:19876/callback'],
    method: 'none',
    document: {
      client_id: opencode,
      client_name: 'opencode',
      client_uri: 'https://opencode.ai',
      logo_uri: 'https://opencode.ai/web-app-manifest-512x512.png',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      token_endpoint_auth_methods_supported: ['none'],
    },
  },
]

const context = {
  openResources: [{ identifier: 'https://mcp.example/mcp', scopes: ['tools'] }],
  providerName: 'Acme',
  issuer: 'https://id.example',
}
const read = (url: string, document: unknown) =>
  readClientDocument(url, { body: Buffer.from(JSON.stringify(document)), contentType: 'application/json' }, context)

t.test('the documents of widely used MCP clients are accepted as they are', async (t) => {
  for (const { document, method, sends } of known) {
    const name = document.client_name
    const metadata = read(document.client_id, document)
    t.match(
      metadata,
      { client_name: name, token_endpoint_auth_method: method, require_pkce: true, logo_uri: document['logo_uri'] },
      name,
    )
    t.same(metadata.redirect_uris, document['redirect_uris'], name)
    t.same(metadata.grant_types, ['authorization_code', 'refresh_token'], name)
    t.same(metadata.response_types, ['code'], name)
    t.match(metadata.scope, /\boffline_access\b.*\btools\b/, `${name} may request a refresh token and the API`)
    const client = { ...metadata, document: { digest: '', expiresAt: 0 } } satisfies Partial<Client>
    for (const uri of sends) t.ok(isRegisteredRedirectUri(client, uri), `${name} sends ${uri}`)
    for (const uri of ['http://localhost.evil.example/callback', 'https://evil.example/callback', `${sends[0]}/..`])
      t.notOk(isRegisteredRedirectUri(client, uri), `${name} does not send ${uri}`)
  }
})

t.test('twenty redirect URIs on loopback are accepted, as one client has them', async (t) => {
  const url = 'https://apify.github.io/mcpc/client-metadata.json'
  const ports = Array.from({ length: 10 }, (_, place) => 13_316 + place)
  const uris = ports.flatMap((port) => [`http://127.0.0.1:${port}/callback`, `http://localhost:${port}/callback`])
  t.same(read(url, { client_id: url, client_name: 'mcpc', redirect_uris: uris }).redirect_uris, uris)
})
