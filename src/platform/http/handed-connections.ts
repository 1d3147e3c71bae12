import type { Socket } from 'node:net'
import type { App } from './fastify-app.ts'

/**
 * Lets a server answer requests on connections that another process has accepted, instead of listening itself. All else is as in a server that
 * listens: its limits, and how it stops.
 *
 * @returns a function that gives the server a connection
 */
export async function serveHandedConnections(app: App): Promise<(connection: Socket) => void> {
  await app.ready()
  // Node begins to apply the time limits of requests when a server listens (`connectionsCheckingInterval`).
  app.server.emit('listening')
  return (connection) => {
    app.server.emit('connection', connection)
  }
}
