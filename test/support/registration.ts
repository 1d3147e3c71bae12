import { findClient } from '../../src/records/clients/clients-store.ts'
import { defaultRedirectUri, type Idp, type Reply, type TestClient } from './idp.ts'

/** One request of a client about its own registration (RFC 7591, RFC 7592). */
export async function send(
  url: string,
  method: 'POST' | 'GET' | 'PUT' | 'DELETE' | 'PATCH',
  body?: unknown,
  { token, ...headers }: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

/** Metadata that can be registered. */
export const ownMetadata = { client_name: 'Notes', redirect_uris: [defaultRedirectUri] }

/** POST /register. */
export function register(idp: Idp, metadata: unknown = ownMetadata, headers: Readonly<Record<string, string>> = {}) {
  return send(`${idp.issuer}/register`, 'POST', metadata, headers)
}

/** A client that has just registered itself, with functions for what it can do about it. */
export async function registered(idp: Idp, metadata: Readonly<Record<string, unknown>> = {}, token?: string) {
  const { status, body } = await register(idp, { ...ownMetadata, ...metadata }, token === undefined ? {} : { token })
  if (status !== 201) throw new Error(`The client could not be registered: ${status} ${JSON.stringify(body)}`)
  const client = {
    ...(await findClient(idp.signet.database, body.client_id)),
    secret: body.client_secret,
  } as TestClient
  const own = (method: 'GET' | 'PUT' | 'DELETE', changes?: unknown) =>
    send(body.registration_client_uri, method, changes, { token: body.registration_access_token })
  return {
    body,
    client,
    read: () => own('GET'),
    replace: (changes: object) => own('PUT', { client_id: body.client_id, ...changes }),
    delete: () => own('DELETE'),
  }
}
