import type { RequestListener } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { createOutgoing, type Outgoing, type OutgoingOptions } from '../../src/platform/outgoing/outgoing.ts'
import { selfSigned } from '../cli/doctor/certificate.ts'

/** The name in the certificate of every server here. It has no address: tests say which one it has. */
export const serverName = 'keys.example'

const { cert, key } = selfSigned({ name: serverName })

/** The certificate, which is its own authority. */
export const serverAuthority = cert

export interface HttpsServer {
  readonly port: number
  readonly url: (path: string) => string
  /** The paths that were requested, in order. */
  readonly asked: string[]
}

/** An https server on 127.0.0.1, which is closed when the test ends. */
export async function serveHttps(t: Test, answer: RequestListener): Promise<HttpsServer> {
  const asked: string[] = []
  const server = https.createServer({ cert, key }, (request, reply) => {
    asked.push(request.url ?? '')
    answer(request, reply)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, asked, url: (path) => `https://${serverName}:${port}${path}` }
}

/** Requests that reach the servers of `serveHttps`, as if the operator had opened their address. */
export function outgoingToTests(more: Partial<OutgoingOptions> = {}): Outgoing {
  return createOutgoing({
    settings: { issuer: 'https://id.example', port: 4000, allowPrivateNetworks: ['127.0.0.1'] },
    resolve: async () => ['127.0.0.1'],
    ca: serverAuthority,
    ...more,
  })
}
