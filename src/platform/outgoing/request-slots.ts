import { OutgoingRequestFailed } from '../outgoing-request.ts'
import { createWaitQueue } from '../wait-queue.ts'

/** How many requests may run at the same time. */
export interface SlotLimits {
  readonly overall: number
  /** To one host. Further requests to it are refused at once, so that a slow host does not fill the queue. */
  readonly perHost: number
  /** Requests that wait until one of those that run has ended. */
  readonly maxWaiting: number
  /** Milliseconds that they wait. */
  readonly waitMs: number
}

const defaultLimits: SlotLimits = { overall: 16, perHost: 4, maxWaiting: 32, waitMs: 2_000 }

/** There was no room for the request. It was not sent, so nothing is known about the other server. */
export class TooManyOutgoingRequests extends OutgoingRequestFailed {
  constructor(message: string) {
    super(message)
    this.name = 'TooManyOutgoingRequests'
  }
}

/**
 * @returns runs work when there is room for it
 */
export function createRequestSlots({ overall, perHost, maxWaiting, waitMs }: SlotLimits = defaultLimits) {
  let running = 0
  const byHost = new Map<string, number>()
  const waiting = createWaitQueue<void>({
    maxLength: maxWaiting,
    timeoutMs: waitMs,
    fullError: () => new TooManyOutgoingRequests('too many requests to other servers are waiting'),
    timeoutError: () => new TooManyOutgoingRequests('too many requests to other servers are running'),
  })
  const leave = () => {
    // The slot goes to whoever waits for it.
    if (waiting.length > 0) waiting.serve()
    else running -= 1
  }
  /** @throws TooManyOutgoingRequests; `work` was not called */
  return async <T>(host: string, work: () => Promise<T>): Promise<T> => {
    const sameHost = byHost.get(host) ?? 0
    if (sameHost >= perHost)
      throw new TooManyOutgoingRequests(`${perHost} requests to the same host are already running`)
    byHost.set(host, sameHost + 1)
    try {
      if (running < overall) running += 1
      else await waiting.wait()
      try {
        return await work()
      } finally {
        leave()
      }
    } finally {
      const others = (byHost.get(host) ?? 1) - 1
      if (others === 0) byHost.delete(host)
      else byHost.set(host, others)
    }
  }
}
