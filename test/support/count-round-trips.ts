import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import pg from 'pg'
import type { Test } from 'tap'

/** A request that a server of this process answered, with what it asked the database for. */
export interface CountedRequest {
  readonly method: string
  /** Without the query string. */
  readonly path: string
  /**
   * The statements that were sent before the response was complete, in order: the name of each, or its text if it has none. Each is a round trip,
   * including BEGIN and COMMIT. What is written later, in bulk, is not among them, because nobody waits for it.
   */
  readonly statements: readonly string[]
}

export interface RoundTrips {
  /** Does something, and returns the requests that were begun in the meantime. Awaits their responses, if `work` does. */
  during(work: () => Promise<unknown>): Promise<readonly CountedRequest[]>
}

/**
 * Counts the round trips to PostgreSQL of each request to the servers of this process. Each statement is assigned to the request that sent it, so
 * work in the background and other requests do not disturb the count. Ends with the test.
 */
export function countRoundTrips(t: Test): RoundTrips {
  interface Running extends CountedRequest {
    readonly response: ServerResponse
    readonly statements: string[]
  }
  const context = new AsyncLocalStorage<Running>()
  let requests: Running[] = []

  const onRequest = (message: unknown) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
    const { method = '', url = '' } = request
    const running = { method, path: url.split('?')[0] ?? '', statements: [], response }
    requests.push(running)
    // Everything that this request does from here on belongs to it.
    context.enterWith(running)
  }
  const query = pg.Client.prototype.query
  pg.Client.prototype.query = function (this: pg.Client, ...[statement, ...more]: unknown[]) {
    const running = context.getStore()
    if (running && !running.response.writableEnded) running.statements.push(nameOf(statement))
    return Reflect.apply(query, this, [statement, ...more])
  } as typeof query
  const started = channel('http.server.request.start')
  started.subscribe(onRequest)
  t.teardown(() => {
    started.unsubscribe(onRequest)
    pg.Client.prototype.query = query
  })

  return {
    during: async (work) => {
      requests = []
      await work()
      return requests.map(({ method, path, statements }) => ({ method, path, statements: [...statements] }))
    },
  }
}

function nameOf(statement: unknown): string {
  if (typeof statement === 'string') return statement
  const { name, text } = statement as { readonly name?: string; readonly text?: string }
  return name ?? text ?? 'a statement without text'
}
