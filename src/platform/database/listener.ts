import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from 'pg'
import { hangUp, openConnection } from './connect.ts'
import type { DatabaseConnection } from './connection.ts'
import type { DatabaseLog } from './log.ts'

export interface ListenerOptions {
  readonly connection: DatabaseConnection
  /** The payload that is meant for us: one channel serves all schemas of a database. */
  readonly schema: string
  readonly channels: readonly string[]
  /** Called at each notification with its channel, and with none whenever it listens anew: whatever came before was missed. */
  readonly onChange: (channel: string | undefined) => void
  readonly log: DatabaseLog
}

export interface Listener {
  /** Whether everything that was committed longer ago than `heardWithin` has been heard. */
  hears(): boolean
  stop(): Promise<void>
}

/** Milliseconds: between two heartbeats; until one counts as lost; until the next try to connect. */
const [heartbeat, patience, breath] = [3_000, 2_000, 1_000]

/** Milliseconds after which a change is known at the latest, also where the connection died without a word. */
export const heardWithin = heartbeat + 2 * patience

/**
 * Listens on a connection of its own (PostgreSQL, LISTEN), and connects anew whenever that is lost. A heartbeat finds a connection
 * that died silently; a process that stood still hears nothing until the next one. Wall clock and monotonic clock both count, for
 * the monotonic one stands still while a machine is suspended.
 */
export function listen({ connection, schema, channels, onChange, log }: ListenerOptions): Listener {
  const ended = new AbortController()
  let heard: { readonly wall: number; readonly monotonic: number } | undefined
  const rest = (milliseconds: number) =>
    pause(milliseconds, undefined, { ref: false, signal: ended.signal }).catch(() => undefined)

  const listenOnce = async (client: Client) => {
    // One signal for both ends: a promise that is raced at each heartbeat would gather a reaction each time, for ever.
    const over = new AbortController()
    let lost: Error | undefined
    const lose = (error = new Error('The connection has ended.')) => {
      lost ??= error
      heard = undefined
      over.abort()
    }
    client.on('error', lose)
    client.on('end', () => lose())
    ended.signal.addEventListener('abort', () => over.abort(), { once: true, signal: over.signal })
    client.on('notification', ({ channel, payload }) => payload === schema && onChange(channel))
    await client.query(channels.map((channel) => `LISTEN ${channel}`).join(';'))
    // What happened before it listened was not heard.
    onChange(undefined)
    while (!ended.signal.aborted && !lost) {
      const asked = { wall: Date.now(), monotonic: performance.now() }
      // An answer comes after the notifications that were sent before it.
      await client.query('SELECT 1')
      heard = asked
      await pause(heartbeat, undefined, { ref: false, signal: over.signal }).catch(() => undefined)
    }
    if (lost && !ended.signal.aborted) throw lost
  }

  const run = async () => {
    while (!ended.signal.aborted) {
      let client: Client | undefined
      try {
        const opened = await openConnection({
          connection,
          applicationName: `signet listener ${schema}`,
          setup: { schema, statementTimeoutMs: patience, idleInTransactionTimeoutMs: patience },
          ...{ connectTimeoutMs: patience, queryTimeoutMs: patience },
        })
        client = opened.client
        await listenOnce(client)
      } catch (err) {
        log.warn(
          { err },
          'The connection that hears of changes was lost: clients are read anew for each request, keys three times within the lease.',
        )
      }
      heard = undefined
      if (client) hangUp(client)
      if (!ended.signal.aborted) await rest(breath)
    }
  }
  const running = run()

  return {
    hears: () => {
      if (!heard) return false
      const since = Math.max(Date.now() - heard.wall, performance.now() - heard.monotonic)
      return since >= 0 && since <= heardWithin
    },
    stop: () => {
      ended.abort()
      return running
    },
  }
}
