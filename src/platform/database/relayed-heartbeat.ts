import { momentForMachine, momentFromMachine } from '../clock.ts'
import { type Heartbeat, type HeartbeatOptions, isFresh, type Pulse, problemOf } from './heartbeat.ts'

/** What the process with the heartbeat tells the others of its group, in this order. The moments of a pulse are those of the machine. */
export type HeartbeatNews =
  | { readonly what: 'notified'; readonly channel: string | undefined }
  | { readonly what: 'pulse'; readonly pulse: Pulse }
  | { readonly what: 'lost'; readonly reason: string; readonly isCertain: boolean }
  | { readonly what: 'too-many' }

/** What the others ask of it. */
export type HeartbeatWish = 'reconnect' | 'check-disk'

/** The pulse for other processes of this machine. */
export function pulseForMachine(pulse: Pulse): Pulse {
  return converted(pulse, momentForMachine)
}

export interface RelayedHeartbeat extends Heartbeat {
  /** Takes news. They must arrive in the order in which they were sent. */
  hear(news: HeartbeatNews): void
}

/**
 * The heartbeat of a process that has no connection of its own for it: another process of this machine beats and listens for the whole group, and
 * passes on what it learns. The guarantee is the same. A pulse says until when notifications have been delivered, by clocks that both processes
 * read, and those before it have been passed on before it. So it counts for `maxStaleness` from that moment, whenever it arrives: if the other
 * process hangs or is gone, this one soon counts as not live.
 *
 * @param ask passes a wish on to the other process
 */
export function createRelayedHeartbeat(
  { onNotify, onLost, onTooMany }: Pick<HeartbeatOptions, 'onNotify' | 'onLost' | 'onTooMany'>,
  ask: (wish: HeartbeatWish) => void,
): RelayedHeartbeat {
  let known: Pulse = { notifiedUntil: undefined, writtenAt: undefined, problem: undefined }
  let isStopped = false
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  return {
    begun,
    isLive: () => isFresh(known.notifiedUntil),
    problem: () => problemOf(known),
    reconnect: () => ask('reconnect'),
    checkDisk: () => ask('check-disk'),
    stop: async () => {
      isStopped = true
      begin()
    },
    hear: (news) => {
      if (isStopped) return
      if (news.what === 'notified') onNotify(news.channel)
      else if (news.what === 'lost') onLost(news.reason, news.isCertain)
      else if (news.what === 'too-many') onTooMany()
      else {
        known = converted(news.pulse, momentFromMachine)
        begin()
      }
    },
  }
}

function converted(pulse: Pulse, convert: typeof momentForMachine): Pulse {
  const { notifiedUntil, writtenAt } = pulse
  return {
    ...pulse,
    notifiedUntil: notifiedUntil && convert(notifiedUntil),
    writtenAt: writtenAt && convert(writtenAt),
  }
}
