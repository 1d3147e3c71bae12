import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { App } from './fastify-app.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** `begun` is true as soon as the server was asked to stop; it may still accept requests for a while. */
    readonly shutdown: { begun: boolean }
  }
}

/**
 * Lets a server stop without dropping requests. Once the shutdown has begun, each response is the last on its connection (RFC 9112 §9.6), so
 * that clients and proxies open their next connection elsewhere. Requests that are in progress when the server closes are answered.
 *
 * @param limits milliseconds from the close. `unusedTimeout`: until connections on which nothing was sent are closed (browsers open some in
 *   advance). `closeTimeout`: until all others are
 * @returns `watch`, to be called with each server that listens (a host name may have several addresses), and `addTo`
 */
export function createGracefulStop({
  unusedTimeout,
  closeTimeout,
}: {
  readonly unusedTimeout: number
  readonly closeTimeout: number
}) {
  const shutdown = { begun: false }
  const open = new Set<Socket>()
  let onNoneOpen = () => {}

  const watch = (server: Server): void => {
    server.on('connection', (socket: Socket) => {
      open.add(socket)
      socket.once('close', () => {
        open.delete(socket)
        if (open.size === 0) onNoneOpen()
      })
    })
    // This covers requests that never reach a route; `onSend` covers those that arrived before the shutdown began.
    server.prependListener('request', (_request, response) => {
      if (shutdown.begun) response.shouldKeepAlive = false
    })
  }

  const addTo = (app: App): void => {
    app.decorate('shutdown', shutdown)
    app.addHook('onSend', (_request, reply, payload, done) => {
      if (shutdown.begun) reply.raw.shouldKeepAlive = false
      done(null, payload)
    })
    app.addHook('preClose', async () => {
      shutdown.begun = true
      const destroyWhere = (condition: (socket: Socket) => boolean) => {
        for (const socket of open) if (condition(socket)) socket.destroy()
      }
      // Node counts a connection as idle only after its first request.
      setTimeout(destroyWhere, unusedTimeout, (socket: Socket) => socket.bytesRead === 0).unref()
      setTimeout(destroyWhere, closeTimeout, () => true).unref()
      // A server that listens waits for its connections. One that gets them from another process (handed-connections.ts) does not know of them.
      if (app.server.listening) return
      app.server.close()
      if (open.size > 0)
        await new Promise<void>((resolve) => {
          onNoneOpen = resolve
        })
    })
  }
  return { watch, addTo }
}
