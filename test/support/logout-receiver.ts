import type { IncomingMessage, ServerResponse } from 'node:http'
import { decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose'
import type { Test } from 'tap'
import { serveHttps } from './https-server.ts'
import type { Idp, Reply } from './idp.ts'

/** A logout token that an application has received (OpenID Connect Back-Channel Logout §2.5). */
export interface ReceivedLogout {
  readonly path: string
  readonly token: string
  readonly header: ProtectedHeaderParameters
  readonly claims: JWTPayload & { readonly sid?: string }
  readonly request: { readonly method: string | undefined; readonly headers: IncomingMessage['headers'] }
  readonly form: URLSearchParams
}

type Behaviour = (reply: ServerResponse, request: IncomingMessage) => void

export interface LogoutReceiver {
  readonly port: number
  readonly url: (path: string) => string
  readonly received: ReceivedLogout[]
  /** Those at one path. */
  readonly at: (path: string) => ReceivedLogout[]
  /** What a path answers; by default 200 without a body. */
  readonly answer: (path: string, behaviour: Behaviour) => void
}

/** An application's https server, which keeps every logout token that arrives. */
export async function startLogoutReceiver(t: Test): Promise<LogoutReceiver> {
  const received: ReceivedLogout[] = []
  const behaviours = new Map<string, Behaviour>()
  const server = await serveHttps(t, async (request, reply) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const form = new URLSearchParams(body)
    const token = form.get('logout_token') ?? ''
    const path = request.url ?? ''
    received.push({
      ...{ path, token, form, header: decodeProtectedHeader(token), claims: decodeJwt(token) },
      request: { method: request.method, headers: request.headers },
    })
    const behaviour = behaviours.get(path)
    if (behaviour) behaviour(reply, request)
    else reply.writeHead(200).end()
  })
  return {
    ...{ port: server.port, url: server.url, received },
    at: (path) => received.filter((one) => one.path === path),
    answer: (path, behaviour) => behaviours.set(path, behaviour),
  }
}

/** Never answers. */
export const hang: Behaviour = () => {}

/** The claims of the ID token in a token response. */
export function idTokenOf({ body }: Reply): JWTPayload & { readonly sid: string } {
  return decodeJwt(body.id_token)
}

/** Logout tokens that wait, with those that are being sent. */
export async function waitingLogouts({
  signet,
}: Idp): Promise<{ attempts: number; client: string; locked: boolean }[]> {
  const { rows } = await signet.database.query<{ attempts: number; client: string; locked: boolean }>({
    text: `SELECT attempts, payload->>'client' AS client, locked_at IS NOT NULL AS locked
           FROM ${signet.settings.databaseSchema}_jobs._private_jobs JOIN ${signet.settings.databaseSchema}_jobs._private_tasks AS tasks
             ON tasks.id = task_id WHERE identifier = 'send_logout_token' AND (attempts < max_attempts OR locked_at IS NOT NULL) ORDER BY _private_jobs.id`,
  })
  return rows
}

/** Makes the logout tokens of a client due now that wait for their next attempt. */
export async function hurryLogouts({ signet: { database, settings } }: Idp, clientId: string): Promise<void> {
  await database.query({
    text: `UPDATE ${settings.databaseSchema}_jobs._private_jobs SET run_at = now() WHERE locked_at IS NULL AND payload->>'client' = $1`,
    values: [clientId],
  })
  await database.query({ text: `SELECT pg_notify('signet_notices', current_schema())` })
}
