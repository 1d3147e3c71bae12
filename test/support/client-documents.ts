import type { RequestListener } from 'node:http'
import type { Test } from 'tap'
import type { Visit } from './browser.ts'
import { type HttpsServer, outgoingToTests, serveHttps } from './https-server.ts'
import { defaultRedirectUri, type Idp, startSignet, type TestClient } from './idp.ts'
import { pkce } from './journey.ts'

/** A server of client ID metadata documents, and a Signet that accepts them. */
export interface DocumentHost extends HttpsServer {
  readonly idp: Idp
  /** Publishes a document, whose `client_id` is its URL unless another is given. An undefined member is left out. */
  readonly publish: (path: string, members?: Record<string, unknown>, headers?: Record<string, string>) => string
  /** Answers requests for a path in another way. */
  readonly answer: (path: string, listener: RequestListener) => string
  /** How often a path was requested. */
  readonly timesAsked: (path: string) => number
}

export async function startDocumentHost(t: Test, environment: Record<string, string> = {}): Promise<DocumentHost> {
  const answers = new Map<string, RequestListener>()
  const server = await serveHttps(t, (request, reply) => {
    const listener = answers.get(request.url ?? '')
    if (listener) listener(request, reply)
    else reply.writeHead(404).end()
  })
  const settings = { SIGNET_CLIENT_ID_METADATA_HOSTS: 'keys.example,*.apps.example', ...environment }
  const idp = await startSignet(t, settings, { outgoing: outgoingToTests() })
  const answer = (path: string, listener: RequestListener) => {
    answers.set(path, listener)
    return server.url(path)
  }
  return {
    ...server,
    idp,
    answer,
    publish: (path, members = {}, headers = {}) => {
      const text = JSON.stringify({ client_id: server.url(path), ...plainDocument, ...members })
      return answer(path, (_request, reply) =>
        reply.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text),
      )
    },
    timesAsked: (path) => server.asked.filter((one) => one === path).length,
  }
}

export const plainDocument = {
  client_name: 'Notes',
  redirect_uris: [defaultRedirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
}

/** What the functions for sign-ins need to know of a client with a document. */
export function documentClient(url: string, redirectUri = defaultRedirectUri): TestClient {
  return {
    ...{ client_id: url, redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' },
    secret: undefined,
  } as unknown as TestClient
}

/** An authorization request of a new browser. It asks for nothing but `openid`. */
export function arrive(idp: Idp, clientId: string, more: Record<string, string> = {}): Promise<Visit> {
  const parameters = {
    ...{ client_id: clientId, response_type: 'code', redirect_uri: defaultRedirectUri, scope: 'openid', state: 'one' },
    ...{ code_challenge: pkce().challenge, code_challenge_method: 'S256', ...more },
  }
  return idp.browser().get(`/authorize?${new URLSearchParams(parameters)}`)
}

/** How an authorization request was received: `continued`, or the entry in the error registry that the page names. Anything else is a bug. */
export function outcomeOf({ location, text, status, url }: Visit): string {
  if (location !== undefined && new URL(location).origin === new URL(url).origin) return 'continued'
  const [, entry] = /\/errors\?request_id=\w+#(\w+)/.exec(text) ?? []
  return location === undefined && entry !== undefined ? entry : `${status} ${location}`
}
