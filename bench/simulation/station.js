/**
 * Servers with one queue, first come, first served: the cores of a machine, or the connections of a pool.
 *
 * @typedef {ReturnType<typeof createStation>} Station
 */

/**
 * @param {import('./clock.js').Clock} clock
 * @param {number} servers
 */
export function createStation(clock, servers) {
  /** A queue whose first elements have been taken: `shift` would copy a long one each time. @type {(() => void)[]} */
  let waiting = []
  let [taken, busy, most, busyTime, changedAt] = [0, 0, 0, 0, 0]

  /** @param {number} change */
  const note = (change) => {
    busyTime += busy * (clock.now() - changedAt)
    changedAt = clock.now()
    busy += change
    most = Math.max(most, busy)
  }
  /** Calls `action` as soon as a server is free. It has to call `leave` in the end. @param {() => void} action */
  const enter = (action) => {
    if (busy >= servers) {
      waiting.push(action)
      return
    }
    note(1)
    action()
  }
  const leave = () => {
    const next = waiting[taken]
    if (next === undefined) {
      note(-1)
      return
    }
    taken++
    if (taken > 1_000 && taken * 2 > waiting.length) {
      waiting = waiting.slice(taken)
      taken = 0
    }
    next()
  }
  return {
    enter,
    leave,
    /** Occupies a server for a time. @param {number} duration @param {() => void} done */
    serve: (duration, done) =>
      enter(() =>
        clock.after(duration, () => {
          leave()
          done()
        }),
      ),
    /** The time for which servers have been busy, added up over all of them. */
    busyTime: () => {
      note(0)
      return busyTime
    },
    /** The highest number of servers that were busy at the same time. */
    most: () => most,
  }
}
