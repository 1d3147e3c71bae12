import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SignatureAlgorithm, VerificationError, VerificationErrorCode } from 'signet-idp/verify'

export const issuer = 'https://id.example.com'
export const audience = 'https://api.example.com'

/** Seconds since 1970 at which the tokens of these tests are checked. */
export const now = 1_763_779_200

export type Json = { [member: string]: unknown }

export type SigningKey = {
  kid: string
  alg: SignatureAlgorithm
  privateKey: KeyObject
  publicKey: KeyObject
  jwk: Json
}

export function signingKey(kid: string, alg: SignatureAlgorithm = 'ES256'): SigningKey {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid, alg, privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

/** The claims of a valid access token; a member set to undefined is left out. */
export function goodClaims(changes: Json = {}): Json {
  return {
    iss: issuer,
    sub: 'kX0m2dEPQ8y1Vq3S5wTz9A',
    aud: audience,
    client_id: 'notes',
    jti: 'b4b1c9d2',
    iat: now - 10,
    exp: now + 890,
    scope: 'invoices:read invoices:write',
    ...changes,
  }
}

/** A token with any header and payload, signed with the key's algorithm whatever the header says. */
export function mint(
  key: SigningKey,
  claims: Json | string | Buffer = goodClaims(),
  header: Json | string = {},
): string {
  const head =
    typeof header === 'string' ? header : JSON.stringify({ alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header })
  const body = typeof claims === 'string' || Buffer.isBuffer(claims) ? claims : JSON.stringify(claims)
  const input = `${base64url(head)}.${base64url(body)}`
  return `${input}.${base64url(signature(key, input))}`
}

function signature(key: SigningKey, input: string): Buffer {
  return sign(
    'sha256',
    Buffer.from(input),
    key.alg === 'ES256' ? { key: key.privateKey, dsaEncoding: 'ieee-p1363' } : key.privateKey,
  )
}

export function base64url(text: string | Buffer): string {
  return Buffer.from(text).toString('base64url')
}

/** A clock that stands still until it is advanced. */
export function stoppedClock() {
  const clock = {
    wall: now * 1000,
    monotonic: 5_000,
    wallTime: () => clock.wall,
    monotonicTime: () => clock.monotonic,
    /** @param seconds by which both clocks advance */
    advance(seconds: number) {
      clock.wall += seconds * 1000
      clock.monotonic += seconds * 1000
    },
  }
  return clock
}

type Teardown = { teardown: (undo: () => void) => void }

/** An HTTP server on the loopback interface. A test may replace its answer at any time; it keeps the requests that it got. */
export async function serve(t: Teardown, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = { answer, requests: [] as IncomingMessage[], origin: '', close: () => {} }
  const http = createServer((request, response) => {
    server.requests.push(request)
    server.answer(request, response)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  server.origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  server.close = () => {
    http.closeAllConnections()
    http.close()
  }
  t.teardown(server.close)
  return server
}

export function jsonAnswer(document: unknown, headers: Record<string, string> = {}) {
  return (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(document))
  }
}

/** The code with which a promise is rejected, or what it resolved to. */
export async function codeOf(promise: Promise<unknown>): Promise<VerificationErrorCode | { resolved: unknown }> {
  return promise.then(
    (resolved) => ({ resolved }),
    (error: VerificationError) => error.code ?? Promise.reject(error),
  )
}
