/** @typedef {ReturnType<typeof createClock>} Clock */
/** @typedef {{ at: number, order: number, action: () => void }} Planned */

/** The time of a simulation. It jumps from event to event; events at the same time happen in the order in which they were planned. */
export function createClock() {
  /** A binary heap: no event is before its parent, which is at half its place. @type {Planned[]} */
  const heap = []
  let [now, planned] = [0, 0]

  /** @param {Planned} a @param {Planned} b */
  const isBefore = (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order)

  /** @param {number} delay @param {() => void} action */
  const after = (delay, action) => {
    const event = { at: now + delay, order: planned++, action }
    let place = heap.length
    heap.push(event)
    while (place > 0) {
      const above = /** @type {Planned} */ (heap[(place - 1) >> 1])
      if (!isBefore(event, above)) break
      heap[place] = above
      place = (place - 1) >> 1
    }
    heap[place] = event
  }
  const takeNext = () => {
    const next = /** @type {Planned} */ (heap[0])
    const moved = /** @type {Planned} */ (heap.pop())
    if (moved === next) return next
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (
        child + 1 < heap.length &&
        isBefore(/** @type {Planned} */ (heap[child + 1]), /** @type {Planned} */ (heap[child]))
      )
        child++
      const below = /** @type {Planned} */ (heap[child])
      if (!isBefore(below, moved)) break
      heap[place] = below
      place = child
    }
    heap[place] = moved
    return next
  }
  /** Until nothing is planned any more. */
  const run = () => {
    while (heap.length > 0) {
      const { at, action } = takeNext()
      now = at
      action()
    }
  }
  return { now: () => now, after, run }
}
