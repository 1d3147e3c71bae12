import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Connections that are not read for a while. */
export interface RestingConnections {
  /**
   * Stops reading a connection once this response has been sent. What the client sends meanwhile waits in the buffers of the system, and costs
   * nothing here; once they are full, TCP stops the client.
   *
   * @param onWake called when it is read again
   */
  restAfter(response: ServerResponse, socket: Socket, milliseconds: number, onWake: () => void): void
  /** Reads those again that have rested longest. */
  wakeSome(count: number): void
  readonly count: number
}

interface Resting {
  readonly onWake: () => void
  timer?: NodeJS.Timeout
}

/** A client that ignores Retry-After costs one refused request for each rest, however fast it sends. */
export function createRestingConnections(): RestingConnections {
  const connections = new Map<Socket, Resting>()
  const wake = (socket: Socket) => {
    const resting = connections.get(socket)
    connections.delete(socket)
    clearTimeout(resting?.timer)
    if (socket.destroyed) return
    socket.resume()
    resting?.onWake()
  }
  return {
    restAfter: (response, socket, milliseconds, onWake) => {
      const resting: Resting = { onWake }
      connections.set(socket, resting)
      // When a response has been sent, Node reads on in order to skip the rest of the request's body.
      response.once('close', () =>
        setImmediate(() => {
          if (socket.destroyed) return void connections.delete(socket)
          socket.pause()
          resting.timer = setTimeout(wake, milliseconds, socket)
          resting.timer.unref()
        }),
      )
    },
    wakeSome: (count) => {
      let left = count
      for (const [socket, { timer }] of connections) {
        if (left-- <= 0) return
        // Without a timer, its response has not been sent yet.
        if (timer) wake(socket)
      }
    },
    get count() {
      return connections.size
    },
  }
}
