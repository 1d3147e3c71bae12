import { elapsedSince, type MachineClocks, type Moment, machineClocks, momentOf } from '../clock.ts'
import type { Settings } from '../config/settings.ts'
import { OutgoingRequestFailed } from '../outgoing-request.ts'
import { type CacheLimits, createDocumentCache, entryOverhead, type FetchedDocument } from './document-cache.ts'
import { freshnessOf } from './freshness.ts'
import { createHostBreaker } from './host-breaker.ts'
import { pinnedPost } from './pinned-post.ts'
import { pinnedRequest } from './pinned-request.ts'
import { createRequestSlots, type SlotLimits, TooManyOutgoingRequests } from './request-slots.ts'
import type { ResolveHost } from './resolve-host.ts'
import { createTargetAddresses, parseTargetUrl } from './target-address.ts'

/** How much of a response is read, and how it is asked for. */
export interface FetchOptions {
  /** The header Accept. */
  readonly accept: string
  /** Bytes of the body, which must not be compressed. */
  readonly maxBytes: number
  /**
   * Whether an operator has registered whoever named the address, or has named its host. These requests have places and a cache of their own: with a domain whose every name leads to a slow
   * server, anybody could otherwise occupy all places, and keep the operator's own applications from authenticating. Default: false.
   */
  readonly isVouchedFor?: boolean
  /**
   * Whether nothing is kept: neither the document, which the caller stores if it can be used, nor a failure. Calls at the same time still share one request. The caller
   * limits how often it asks. Default: false.
   */
  readonly isUncached?: boolean
}

/**
 * Requests to addresses that a client's metadata names. Anybody may have chosen them, so none of these requests can reach the operator's own network.
 */
export interface Outgoing {
  /**
   * Gets a document, from the cache if its headers allowed to keep it. Calls at the same time share one request. A failure is remembered for a few seconds.
   *
   * @param url https. A fragment is not sent, but a document that was kept under another one is not used
   * @param options.fresh asks the server again although the cache has the document; how often that happens for one URL is limited (`cooldown`)
   * @param options.keepFor seconds for which the document is used although its headers forbid to keep it; default 0
   * @returns the same object for as long as it comes from the cache
   * @throws OutgoingRequestFailed with a message for operators
   */
  get(
    url: string,
    options: FetchOptions & { readonly fresh?: boolean; readonly keepFor?: number },
  ): Promise<FetchedDocument>
  /**
   * Sends a form. These requests have places of their own, so that neither they nor those of `get` wait for each other. While a host does not respond, further
   * requests to it fail at once (host-breaker.ts).
   *
   * @param url https
   * @returns the status of the response; redirects are not followed, and the body is not used
   * @throws TooManyOutgoingRequests if there is no place for it; OutgoingRequestFailed with a message for operators, if there was no response
   */
  post(url: string, form: Readonly<Record<string, string>>, options: PostOptions): Promise<number>
}

export interface PostOptions extends Pick<FetchOptions, 'isVouchedFor'> {
  /** Ends the request early. */
  readonly signal?: AbortSignal
}

export interface OutgoingOptions {
  readonly settings: Pick<Settings, 'issuer' | 'port' | 'allowPrivateNetworks'>
  /** The others are for tests. */
  readonly resolve?: ResolveHost
  /** PEM, instead of the certificates that Node trusts. */
  readonly ca?: string
  readonly clocks?: MachineClocks
  readonly timeoutMs?: number
  readonly slots?: SlotLimits
  readonly cache?: CacheLimits
}

/** Forms that are sent at the same time. */
export const maxPosts = 16

/** Milliseconds for one request. */
const defaultTimeoutMs = 5_000

/** Seconds between two requests for the same document, if the caller wants a fresh one, or if the first one failed. */
export const cooldown = 10

/** Nothing waits here: the queue of jobs does not run more at the same time than there are places (operations/job-tasks.ts). */
const postSlots: SlotLimits = { overall: maxPosts, perHost: maxPosts, maxWaiting: 0, waitMs: 0 }

/** Half of them, so that those whom nobody vouched for cannot occupy all jobs that run. */
const postSlotsOfOthers: SlotLimits = { ...postSlots, overall: maxPosts / 2, perHost: maxPosts / 2 }

export function createOutgoing({
  settings,
  ca,
  clocks = machineClocks,
  timeoutMs = defaultTimeoutMs,
  slots,
  cache,
  ...given
}: OutgoingOptions): Outgoing {
  const allowedAddresses = createTargetAddresses(settings, given)
  const createLane = () => ({
    inSlot: createRequestSlots(slots),
    entries: createDocumentCache(cache),
    running: new Map<string, Promise<FetchedDocument>>(),
  })
  type Lane = ReturnType<typeof createLane>
  const lanes = { vouchedFor: createLane(), others: createLane() }
  const createPostLane = (limits: SlotLimits) => ({
    inSlot: createRequestSlots(limits),
    unlessBroken: createHostBreaker(clocks),
  })
  const postLanes = { vouchedFor: createPostLane(postSlots), others: createPostLane(postSlotsOfOthers) }
  const isWithin = (moment: Moment, seconds: number) => elapsedSince(moment, clocks).elapsed < seconds * 1000

  const fetchNow = async (
    { inSlot, entries }: Lane,
    text: string,
    key: string,
    { accept, maxBytes, keepFor, isUncached = false }: FetchOptions & { readonly keepFor: number },
  ): Promise<FetchedDocument> => {
    const before = entries.get(key)
    try {
      const url = parseTargetUrl(text, settings.issuer)
      const { body, header } = await inSlot(url.hostname, () =>
        pinnedRequest({ url, accept, maxBytes, timeoutMs, ca, addresses: () => allowedAddresses(url) }),
      )
      const document = { body, contentType: header('content-type'), freshness: freshnessOf(header) }
      if (isUncached) return document
      const now = momentOf(clocks)
      const freshness = Math.max(document.freshness, keepFor)
      // A document that must not be kept leaves no entry, and a failure before it is over.
      if (freshness === 0) entries.delete(key)
      else
        entries.set(key, {
          ...{ asked: now, document, received: now, freshness, failure: undefined },
          size: key.length + body.length + entryOverhead,
        })
      return document
    } catch (error) {
      if (!isUncached && error instanceof OutgoingRequestFailed && !(error instanceof TooManyOutgoingRequests)) {
        const asked = momentOf(clocks)
        const size = before?.size ?? key.length + entryOverhead
        // The older document stays, for as long as it may be kept.
        entries.set(key, { received: asked, freshness: 0, document: undefined, ...before, asked, failure: error, size })
      }
      throw error
    }
  }

  return {
    get: async (url, { fresh = false, keepFor = 0, isVouchedFor = false, ...options }) => {
      const lane = isVouchedFor ? lanes.vouchedFor : lanes.others
      const { entries, running } = lane
      const key = `${options.isUncached ? 'uncached' : keepFor} ${options.maxBytes} ${options.accept} ${url}`
      const entry = entries.get(key)
      if (entry) {
        const isCooling = isWithin(entry.asked, cooldown)
        if (entry.document && isWithin(entry.received, entry.freshness) && (!fresh || isCooling)) return entry.document
        if (entry.failure && isCooling) throw entry.failure
      }
      const shared = running.get(key)
      if (shared) return shared
      const request = fetchNow(lane, url, key, { keepFor, ...options }).finally(() => running.delete(key))
      running.set(key, request)
      return request
    },
    post: async (text, form, { isVouchedFor = false, signal }) => {
      const url = parseTargetUrl(text, settings.issuer)
      const { inSlot, unlessBroken } = isVouchedFor ? postLanes.vouchedFor : postLanes.others
      const addresses = () => allowedAddresses(url)
      return inSlot(url.hostname, () =>
        unlessBroken(url.host, () => pinnedPost({ url, form, timeoutMs, ca, signal, addresses }), signal),
      )
    },
  }
}
