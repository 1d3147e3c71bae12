/** Waits are counted in ticks of a timer. This many of them make up a wait. */
const parts = 20

/** Starts a wait. @returns cancels it */
export type StartWait = (act: () => void) => () => void

/**
 * Creates a timer for many waits of the same length, such as the time limit of statements. Each calls `act` at its end, up to a twentieth late. A stall
 * of this process counts for no more than a twentieth of a wait. Node runs overdue timers before it reads from sockets: after a stall, an
 * ordinary timer would report a timeout although the answer has arrived. This one lets the process read its sockets first.
 *
 * Every statement starts such a wait, and almost all of them are cancelled. So they share one timer of Node, instead of creating and clearing one
 * each. It keeps the process running only while something waits.
 */
export function createDeadlines(milliseconds: number): StartWait {
  /** In the order in which they end, because all last equally long. */
  const waiting = new Set<{ readonly act: () => void; readonly lastTick: number }>()
  const period = milliseconds / parts
  let ticks = 0
  let timer: NodeJS.Timeout | undefined
  const tick = () => {
    ticks += 1
    timer = waiting.size > 0 ? setTimeout(tick, period) : undefined
    for (const wait of waiting) {
      if (wait.lastTick > ticks) return
      waiting.delete(wait)
      if (waiting.size === 0) timer?.unref()
      wait.act()
    }
  }
  return (act) => {
    // The tick that comes next may come at once, so it does not count.
    const wait = { act, lastTick: ticks + parts + (timer ? 1 : 0) }
    if (!timer) timer = setTimeout(tick, period)
    else if (waiting.size === 0) timer.ref()
    waiting.add(wait)
    return () => {
      if (waiting.delete(wait) && waiting.size === 0) timer?.unref()
    }
  }
}

/** A single wait of this kind. It ends on time. @returns cancels it */
export function startTimer(act: () => void, milliseconds: number): () => void {
  return createDeadlines(milliseconds)(act)
}
