/** How many parts a wait has. */
const parts = 10

/**
 * Calls `act` after a time, as `setTimeout` does, but a stall of this process counts for no more than a tenth of it. Node runs overdue timers
 * before it reads from sockets: after a stall, an ordinary timer gives up on an answer that has arrived. This one lets the process look first.
 *
 * @param milliseconds how long to wait
 * @returns ends the wait
 */
export function patientTimer(act: () => void, milliseconds: number): () => void {
  let left = parts
  const next = (): NodeJS.Timeout =>
    setTimeout(() => {
      left -= 1
      if (left === 0) act()
      else timer = next()
    }, milliseconds / parts)
  let timer = next()
  return () => clearTimeout(timer)
}
