/** There was no usable response. The message is for operators, and contains nothing of the URL. */
export class OutgoingRequestFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'OutgoingRequestFailed'
  }
}

/**
 * Gets a text from another server. Redirects are not followed, because they could lead anywhere, also to a server inside the operator's network.
 *
 * @param options.signal aborts the request with its reason, also while the body is being read
 * @param options.maxBytes of the body, after decompression
 * @throws OutgoingRequestFailed, with the reason of the connection or of the signal as its cause
 */
export async function fetchText(
  url: string,
  {
    headers,
    signal,
    maxBytes,
  }: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<string> {
  const response = await fetch(url, { headers, signal, redirect: 'manual' }).catch(asFailure(signal))
  if (response.status !== 200) {
    discard(response)
    throw new OutgoingRequestFailed(`the response has the status ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length
      // Leaving the loop closes the connection.
      if (length > maxBytes) break
      chunks.push(chunk)
    }
  } catch (error) {
    asFailure(signal)(error)
  }
  if (length > maxBytes) throw new OutgoingRequestFailed(`the response is longer than ${maxBytes} bytes`)
  return new TextDecoder().decode(Buffer.concat(chunks))
}

/** A body that is not read keeps its connection until it is collected as garbage. */
function discard({ body }: Response): void {
  body?.cancel().catch(() => {})
}

/** For `catch`. An aborted request fails with different errors, depending on what it was doing. */
function asFailure(signal: AbortSignal): (error: unknown) => never {
  return (error) => {
    if (signal.aborted) throw new OutgoingRequestFailed('there was no response in time', { cause: signal.reason })
    // `fetch` reports every failure as "fetch failed", with the reason as its cause.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    const { code, message } = cause as NodeJS.ErrnoException
    throw new OutgoingRequestFailed(`the request failed (${code ?? message})`, { cause })
  }
}
