import { elapsedSince, type MachineClocks, type Moment, momentOf } from '../clock.ts'
import { OutgoingRequestFailed } from '../outgoing-request.ts'
import { TooManyOutgoingRequests } from './request-slots.ts'

/** The request was not sent, because another request to its host waited in vain a moment ago. */
export class HostNotResponding extends OutgoingRequestFailed {
  constructor(message: string) {
    super(message)
    this.name = 'HostNotResponding'
  }
}

/** Milliseconds after which a request counts as slow. */
const slowAfter = 1_000

/** Slow requests to one host. While there are as many, no other is sent. */
const maxSlow = 2

/** Seconds for which a host is left alone after a request has waited in vain: doubled each time, up to the second number. */
const [firstRest, longestRest] = [30, 300]

/** Hosts that are remembered. */
const maxHosts = 1_000

interface HostState {
  readonly running: Set<Moment>
  /** How often in a row a request has waited in vain, and when the last one failed. */
  failures: number
  failedAt: Moment | undefined
}

/**
 * Keeps a host that does not respond from holding up work for others. Requests to it fail at once, except one from time to time, which finds out whether it
 * responds again. A host that refuses connections, or answers with an error, costs no time, and is not left alone.
 *
 * @returns runs a request, or throws HostNotResponding, or TooManyOutgoingRequests while the host is slow but may still respond. A request that the signal has ended says nothing about its host
 */
export function createHostBreaker(clocks: MachineClocks) {
  const hosts = new Map<string, HostState>()
  const ageOf = (moment: Moment) => elapsedSince(moment, clocks).elapsed

  const stateOf = (host: string): HostState => {
    const state = hosts.get(host) ?? { running: new Set(), failures: 0, failedAt: undefined }
    // To the end, so that the first one has not been used for longest.
    hosts.delete(host)
    hosts.set(host, state)
    if (hosts.size > maxHosts) dropIdle()
    return state
  }
  const dropIdle = () => {
    const [oldest] = [...hosts].find(([, { running }]) => running.size === 0) ?? []
    if (oldest !== undefined) hosts.delete(oldest)
  }

  return async <T>(host: string, request: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
    const state = stateOf(host)
    const rest = Math.min(firstRest * 2 ** (state.failures - 1), longestRest) * 1000
    if (state.failedAt && (ageOf(state.failedAt) < rest || state.running.size > 0))
      throw new HostNotResponding('its host did not respond to the request before this one')
    if ([...state.running].filter((since) => ageOf(since) >= slowAfter).length >= maxSlow)
      throw new TooManyOutgoingRequests('its host has not responded to earlier requests yet')
    const since = momentOf(clocks)
    state.running.add(since)
    try {
      const result = await request()
      Object.assign(state, { failures: 0, failedAt: undefined })
      return result
    } catch (error) {
      // Several requests can have been waiting at the same time. They count as one.
      const isNews = !state.failedAt || ageOf(state.failedAt) >= ageOf(since)
      if (ageOf(since) >= slowAfter && !signal?.aborted) {
        if (isNews) state.failures += 1
        state.failedAt = momentOf(clocks)
      }
      throw error
    } finally {
      state.running.delete(since)
    }
  }
}
