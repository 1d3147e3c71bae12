import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Connections that are not read for a while. */
export interface RestingConnections {
  /**
   * Stops reading a connection once this response has been sent. What the client sends meanwhile waits in the buffers of the system, and costs
   * nothing here; once they are full, TCP stops the client.
   */
  restAfter(response: ServerResponse, socket: Socket, milliseconds: number): void
  /**
   * Keeps a request that had already been read until its connection is read again.
   *
   * @returns false if the connection does not rest
   */
  hold(socket: Socket, arrive: () => void): boolean
  /** Reads those again that have rested longest. */
  wakeSome(count: number): void
  readonly count: number
}

interface Resting {
  timer?: NodeJS.Timeout
  held?: () => void
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
    resting?.held?.()
  }
  return {
    restAfter: (response, socket, milliseconds) => {
      const resting: Resting = {}
      connections.set(socket, resting)
      // When a response has been sent, Node reads on in order to skip the rest of the request's body.
      response.once('close', () =>
        setImmediate(() => {
          if (connections.get(socket) !== resting) return
          if (!socket.destroyed) socket.pause()
          resting.timer = setTimeout(wake, milliseconds, socket)
          resting.timer.unref()
        }),
      )
    },
    hold: (socket, arrive) => {
      const resting = connections.get(socket)
      if (!resting) return false
      // Only a client that sends requests without waiting for responses gets here. Nobody needs that.
      if (resting.held) socket.destroy()
      else resting.held = arrive
      return true
    },
    wakeSome: (count) => {
      let left = count
      for (const [socket, { timer }] of connections) {
        if (left-- <= 0) return
        // Without a timer, its response has not been sent yet.
        if (timer || socket.destroyed) wake(socket)
      }
    },
    get count() {
      return connections.size
    },
  }
}
