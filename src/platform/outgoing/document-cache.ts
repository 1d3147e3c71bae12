import type { Moment } from '../clock.ts'
import type { OutgoingRequestFailed } from '../outgoing-request.ts'

/** A document of somebody else's server. */
export interface FetchedDocument {
  readonly body: Buffer
  /** The header Content-Type, as it was sent. */
  readonly contentType: string | undefined
  /** For how many seconds its headers allowed to keep it when it arrived (freshness.ts). */
  readonly freshness: number
}

/** Bytes that an entry of the cache takes besides its URL and its document. */
export const entryOverhead = 500

/** What is known about one document. */
interface Entry {
  /** When the last request for it ended. */
  readonly asked: Moment
  readonly document: FetchedDocument | undefined
  /** When the document arrived, and for how many seconds it may be kept. */
  readonly received: Moment
  readonly freshness: number
  /** Undefined: the last request did not fail. */
  readonly failure: OutgoingRequestFailed | undefined
  readonly size: number
}

export interface CacheLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

const defaultLimits: CacheLimits = { maxEntries: 500, maxBytes: 8 * 1024 * 1024 }

/** A cache of documents and failures. If it is full, what has not been used for longest is dropped. */
export function createDocumentCache({ maxEntries, maxBytes }: CacheLimits = defaultLimits) {
  const entries = new Map<string, Entry>()
  let bytes = 0
  const remove = (key: string) => {
    bytes -= entries.get(key)?.size ?? 0
    entries.delete(key)
  }
  return {
    get: (key: string): Entry | undefined => {
      const entry = entries.get(key)
      if (!entry) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry
    },
    set: (key: string, entry: Entry) => {
      remove(key)
      entries.set(key, entry)
      bytes += entry.size
      for (const oldest of entries.keys()) {
        if (bytes <= maxBytes && entries.size <= maxEntries) break
        remove(oldest)
      }
    },
    delete: remove,
  }
}
