/** Why a request was refused instead of being served. */
export type ShedReason = (typeof shedReasons)[number]
export const shedReasons = ['queue_delay', 'queue_full', 'too_late'] as const

/** Times in milliseconds. */
export interface AdmissionLimits {
  /** How long requests are begun before the event loop reads its sockets again. */
  readonly slice: number
  /** While the first in the queue has waited longer than this, no other request may join. */
  readonly patience: number
  /** A request that has waited longer than this is not begun: its client would get the response too late. */
  readonly deadline: number
  readonly maxWaiting: number
  /** As long as fewer wait, none is refused for the time it takes, until `fewDeadline`. The database may have paused for a second, or the machine. */
  readonly few: number
  readonly fewDeadline: number
}

/**
 * At the deadline a request still has time to be served within a second. With this patience, a node that serves 5,000 requests a second refuses
 * none of 1,500 connections that send one request after the other.
 */
export const admissionLimits: AdmissionLimits = {
  ...{ slice: 2, patience: 300, deadline: 500, maxWaiting: 4_000 },
  ...{ few: 100, fewDeadline: 2_000 },
}

export interface AdmissionOptions<T> {
  readonly limits: AdmissionLimits
  /** Begins to serve a request. */
  readonly begin: (item: T) => void
  /** Refuses a request. */
  readonly refuse: (item: T, reason: ShedReason) => void
  /** Whether whoever sent it is still there. Nothing is done for a client that has hung up. */
  readonly isWanted: (item: T) => boolean
  /** Whether begun requests already wait for something else than this thread, so that another one would only wait there. */
  readonly isCongested: () => boolean
  /**
   * Whether a connection has been opened since the last call. More may be waiting, and libuv accepts only one per turn of the event loop: if turns
   * took 100 ms, the thousandth would wait for 100 s, and so would a health check behind it. So only one request is begun per turn then.
   */
  readonly isConnecting: () => boolean
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number
  /** Calls back after the event loop has read its sockets; `at once` or, if there is nothing to do but wait, `in a moment`. */
  readonly schedule?: (turn: () => void, when: 'at once' | 'in a moment') => void
}

export interface Admission<T> {
  /**
   * Begins a request now or when its turn comes, or refuses it.
   *
   * @param isEssential never refused, and does not wait for the others
   */
  arrive(item: T, isEssential: boolean): void
  /** Requests that wait. */
  readonly waiting: number
}

interface Waiting<T> {
  readonly item: T
  readonly since: number
}

/**
 * Decides which requests are begun, and when. Requests are begun in order of arrival, a few per turn of the event loop. Since the loop keeps
 * turning, the time at which a request is read is the time at which it arrived, and its age is known exactly. Event loop delay, which is what
 * other libraries measure, says little: under a load that takes seconds to be served it can be a millisecond.
 */
export function createAdmission<T>(options: AdmissionOptions<T>): Admission<T> {
  const { limits, begin, refuse, isWanted, isCongested, isConnecting } = options
  const { now = () => performance.now(), schedule = onEventLoop } = options
  const essential = createFifo<Waiting<T>>()
  const ordinary = createFifo<Waiting<T>>()
  /** When the requests of this turn of the loop began to be served; undefined if nothing is scheduled. */
  let turnBegan: number | undefined
  let slice = limits.slice

  const deadline = () => (ordinary.length < limits.few ? limits.fewDeadline : limits.deadline)

  /** Begins the first ones of a queue for a slice, and at least one. */
  const beginSome = (queue: Fifo<Waiting<T>>, mayBegin: () => boolean) => {
    const from = now()
    for (let first = queue.first(); first; first = queue.first()) {
      if (!isWanted(first.item)) queue.shift()
      else if (queue === ordinary && now() - first.since > deadline()) refuse(queue.shift()!.item, 'too_late')
      else if (mayBegin()) begin(queue.shift()!.item)
      else return
      if (now() - from >= slice) return
    }
  }

  const turn = () => {
    turnBegan = now()
    slice = isConnecting() ? 0 : limits.slice
    // Each has a slice of its own: neither can keep the other waiting.
    beginSome(essential, () => true)
    beginSome(ordinary, () => !isCongested())
    if (essential.length + ordinary.length === 0) turnBegan = undefined
    else schedule(turn, essential.length === 0 && isCongested() ? 'in a moment' : 'at once')
  }

  const reasonToRefuse = (at: number): ShedReason | undefined => {
    if (ordinary.length >= limits.maxWaiting) return 'queue_full'
    if (ordinary.length < limits.few) return undefined
    const first = ordinary.first()
    return first && at - first.since > limits.patience ? 'queue_delay' : undefined
  }

  return {
    arrive: (item, isEssential) => {
      const at = now()
      const queue = isEssential ? essential : ordinary
      const isFirst = turnBegan === undefined
      if (isFirst) {
        turnBegan = at
        schedule(turn, 'at once')
      }
      const isTurn = isFirst || at - turnBegan! < slice
      if (isTurn && queue.length === 0 && (isEssential || !isCongested())) return begin(item)
      const reason = isEssential ? undefined : reasonToRefuse(at)
      if (reason) return refuse(item, reason)
      queue.push({ item, since: at })
    },
    get waiting() {
      return essential.length + ordinary.length
    },
  }
}

/** `setImmediate` runs after the sockets have been read. If it was always used, a loop that can only wait would spin. */
function onEventLoop(turn: () => void, when: 'at once' | 'in a moment'): void {
  if (when === 'at once') setImmediate(turn)
  else setTimeout(turn, 1)
}

interface Fifo<T> {
  readonly length: number
  first(): T | undefined
  push(item: T): void
  shift(): T | undefined
}

/** A queue whose `shift` does not depend on its length, unlike that of a long array. */
function createFifo<T>(): Fifo<T> {
  let items: (T | undefined)[] = []
  let head = 0
  return {
    get length() {
      return items.length - head
    },
    first: () => items[head],
    push: (item) => void items.push(item),
    shift: () => {
      const item = items[head]
      items[head] = undefined
      head += 1
      if (head === items.length || head > 1_024) {
        items = items.slice(head)
        head = 0
      }
      return item
    },
  }
}
