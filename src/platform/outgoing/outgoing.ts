import { OutgoingRequestFailed } from '../outgoing-request.ts'

/** A document of somebody else's server. */
export interface FetchedDocument {
  readonly body: Buffer
  /** The header Content-Type, as it was sent. */
  readonly contentType: string | undefined
}

/** How much of a response is read, and how it is asked for. */
export interface FetchOptions {
  /** The header Accept. */
  readonly accept: string
  /** Bytes of the body, after decompression. */
  readonly maxBytes: number
}

/**
 * Requests to addresses that a client's metadata names. Anybody may have chosen them, so none of these requests can reach the operator's own network.
 */
export interface Outgoing {
  /**
   * Gets a document, from the cache if its headers allowed to keep it.
   *
   * @param url https, without a fragment
   * @param options.fresh asks the server again although the cache has the document; how often that happens for one URL is limited
   * @throws OutgoingRequestFailed with a message for operators
   */
  get(url: string, options: FetchOptions & { readonly fresh?: boolean }): Promise<FetchedDocument>
}

export function createOutgoing(): Outgoing {
  return {
    get: async () => {
      throw new OutgoingRequestFailed('outgoing requests are not built yet')
    },
  }
}
