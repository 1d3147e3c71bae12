import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { App } from './fastify-app.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** `begun` from the moment it is decided that the server ends; it may go on taking requests for a while. */
    readonly ending: { begun: boolean }
  }
}

/**
 * Lets a server come to its end without cutting anybody off: once that has begun, each answer is the last on its connection (RFC 9112
 * §9.6), so that clients and proxies open the next one elsewhere; and requests under way when it closes are answered.
 *
 * @param limits milliseconds from the close: until who has opened a connection and sent nothing is cut off (browsers do so in
 *   advance), and until everybody is
 * @returns `watch`, to be told of each server that listens (a host name may have several addresses), and `addTo`
 */
export function createEnding({ silence, patience }: { readonly silence: number; readonly patience: number }) {
  const ending = { begun: false }
  const open = new Set<Socket>()

  const watch = (server: Server): void => {
    server.on('connection', (socket: Socket) => {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
    })
    // Here for what never becomes a route's request; `onSend` is for what came before the ending began.
    server.prependListener('request', (_request, response) => {
      if (ending.begun) response.shouldKeepAlive = false
    })
  }

  const addTo = (app: App): void => {
    app.decorate('ending', ending)
    app.addHook('onSend', (_request, reply, payload, done) => {
      if (ending.begun) reply.raw.shouldKeepAlive = false
      done(null, payload)
    })
    app.addHook('preClose', async () => {
      ending.begun = true
      const cutOff = (isToGo: (socket: Socket) => boolean) => {
        for (const socket of open) if (isToGo(socket)) socket.destroy()
      }
      // Node counts a connection as idle only after its first request.
      setTimeout(cutOff, silence, (socket: Socket) => socket.bytesRead === 0).unref()
      setTimeout(cutOff, patience, () => true).unref()
    })
  }
  return { watch, addTo }
}
