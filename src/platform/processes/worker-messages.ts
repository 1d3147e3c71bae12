import { deserialize, serialize } from 'node:v8'
import type { HeartbeatNews, HeartbeatWish } from '../database/relayed-heartbeat.ts'
import type { MetricFamily } from '../metric-families.ts'

/**
 * What the primary process of a group sends to its workers, over the channel that Node opens to a child process. It is sent as JSON, which takes half
 * the time of Node's other format, so `undefined` and NaN do not arrive as they are.
 */
export type ToWorker =
  /** The first message; `encodeAssignment`. */
  | { readonly kind: 'begin'; readonly assignment: string }
  /** Comes with the socket. */
  | { readonly kind: 'connection' }
  | { readonly kind: 'heartbeat'; readonly news: HeartbeatNews }
  /** A request for the metrics of this worker. */
  | { readonly kind: 'count'; readonly id: number }
  /** The answer to `scrape`: the metrics of all. */
  | { readonly kind: 'scraped'; readonly id: number; readonly families: readonly MetricFamily[] }
  /** The group will stop: responses are the last on their connections from now on. */
  | { readonly kind: 'shut-down' }
  /** No more connections follow. */
  | { readonly kind: 'stop' }

/** What a worker sends. */
export type FromWorker =
  | { readonly kind: 'ready' }
  /** It could not start, and exits. */
  | { readonly kind: 'failed'; readonly failure: WorkerFailure }
  /** Confirms a connection. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'wish'; readonly wish: HeartbeatWish }
  /** It has decided an ending that left rows to update. */
  | { readonly kind: 'endings' }
  | { readonly kind: 'counted'; readonly id: number; readonly families: readonly MetricFamily[] }
  | { readonly kind: 'scrape'; readonly id: number }
  /** It stops because of an error, and must get no more connections. */
  | { readonly kind: 'leaving' }

/** Why a worker could not start, as a command would report it. */
export interface WorkerFailure {
  readonly message: string | undefined
  readonly exitCode: number
}

/** What a worker is told first may contain buffers, which JSON cannot express. */
export function encodeAssignment(assignment: unknown): string {
  return serialize(assignment).toString('base64')
}

export function decodeAssignment<Assignment>(text: string): Assignment {
  return deserialize(Buffer.from(text, 'base64'))
}
