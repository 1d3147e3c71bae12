// Shows the progress of a run: on a terminal in one line that is overwritten, otherwise in one line per scenario.

/**
 * @param {NodeJS.WriteStream} stream
 * @param {number} steps
 * @param {number} seconds estimated for each step
 */
export function createProgress(stream, steps, seconds) {
  const from = performance.now()
  let step = 0
  let title = ''
  const left = () => {
    const passed = (performance.now() - from) / 1000
    const each = step > 1 ? passed / (step - 1) : seconds
    return Math.max(0, Math.round(each * steps - passed))
  }
  const write = (/** @type {string} */ text) => stream.write(stream.isTTY ? `\r\x1b[K${text}` : `${text}\n`)
  return {
    /** @param {string} begun */
    next: (begun) => {
      step++
      title = `${step} of ${steps}: ${begun}`
      const remaining = left()
      write(`${title}; about ${Math.floor(remaining / 60)}:${String(remaining % 60).padStart(2, '0')} left`)
    },
    /** @param {string} detail */
    report: (detail) => void (stream.isTTY && write(`${title}: ${detail}; about ${left()} s left`)),
    end: () => void (stream.isTTY && write('')),
  }
}
