import { setTimeout as pause } from 'node:timers/promises'
import { onPinnedConnection, type PinnedConnection } from './pinned-connection.ts'

export interface PinnedPost extends PinnedConnection {
  readonly form: Readonly<Record<string, string>>
}

/** How much of the response's body is read, and how many milliseconds it is waited for. None of it is used. */
const [maxBytes, maxWait] = [16 * 1024, 500]

/**
 * Sends a form (`application/x-www-form-urlencoded`) to one of the given addresses. Redirects are not followed.
 *
 * @returns the status of the response, whatever it is. Its head is enough: a body that is long, compressed or never ends changes nothing
 * @throws OutgoingRequestFailed for operators, if there was no response; it contains no address
 */
export async function pinnedPost({ form, ...connection }: PinnedPost): Promise<number> {
  const { url } = connection
  return onPinnedConnection(connection, async (client, signal) => {
    const { statusCode, body } = await client.request({
      method: 'POST',
      path: `${url.pathname}${url.search}`,
      headers: {
        accept: '*/*',
        'accept-encoding': 'identity',
        'content-type': 'application/x-www-form-urlencoded',
        'user-agent': 'Signet',
      },
      body: new URLSearchParams(form).toString(),
      signal,
    })
    // A short body is read to its end, so that the other server does not log a lost connection.
    const read = body.dump({ limit: maxBytes }).catch(() => undefined)
    await Promise.race([read, pause(maxWait, undefined, { ref: false })])
    return statusCode
  })
}
