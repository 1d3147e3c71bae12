import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

/**
 * @typedef {object} Program
 * @property {import('node:child_process').ChildProcess} child
 * @property {boolean} lasts whether it runs until it is stopped
 * @property {Promise<{ code: number | null, signal: string | null }>} ended
 */

/** Milliseconds that a program has to stop. Signet also stops its database in that time. */
const stopTimeout = 20_000

/** An error whose message is shown in the terminal without a stack. */
export class DemoFailed extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message)
    this.name = 'DemoFailed'
  }
}

/**
 * The programs of the demo. Each has its own process group. A terminal sends Ctrl-C to a whole group, so it reaches only the demo, which
 * then stops the others in order, each with one signal.
 */
export function createPrograms() {
  /** @type {Program[]} in the order in which they were started */
  const running = []
  let stopping = false
  /** @type {(message: string) => void} */
  let fail = () => {}
  /** @type {Promise<never>} */
  const failure = new Promise((_resolve, reject) => {
    fail = (message) => stopping || reject(new DemoFailed(message))
  })
  failure.catch(() => {}) // it may come before anybody waits for it

  /**
   * @param {string[]} args for Node
   * @param {NodeJS.ProcessEnv} env
   * @param {boolean} lasts
   */
  const launch = (args, env, lasts) => {
    if (stopping) throw new DemoFailed('The demo is stopping.')
    const errors = lasts ? 'inherit' : 'pipe'
    const child = spawn(process.execPath, args, { env, detached: true, stdio: ['ignore', 'pipe', errors] })
    const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
    const program = { child, lasts, ended }
    running.push(program)
    ended.then(() => running.splice(running.indexOf(program), 1))
    return program
  }

  return {
    /**
     * Starts a program that runs until it is stopped.
     *
     * @param {string} name
     * @param {string[]} args for Node
     * @param {NodeJS.ProcessEnv} env its whole environment
     * @returns {Promise<void>} resolves when the program prints on its standard output that it is ready
     */
    start: (name, args, env) => {
      const { child, ended } = launch(args, env, true)
      ended.then(({ code, signal }) =>
        fail(`${name} has ended (${signal ?? `exit code ${code}`}). The demo is stopping.`),
      )
      return new Promise((resolve) => {
        // Read all output; otherwise the program blocks once the pipe is full.
        const lines = createInterface({ input: /** @type {import('node:stream').Readable} */ (child.stdout) })
        lines.on('line', (line) => line.includes(' is ready: ') && resolve())
      })
    },

    /** Rejects with DemoFailed if a program ends before it is stopped. @type {Promise<never>} */
    failure,

    /**
     * Runs a program until it ends.
     *
     * @param {string[]} args for Node
     * @param {NodeJS.ProcessEnv} env
     * @returns {Promise<{ code: number | null, output: string, errors: string }>}
     */
    run: async (args, env) => {
      const { child, ended } = launch(args, env, false)
      const { stdout, stderr } = child
      if (!stdout || !stderr) throw new TypeError('Both are pipes.')
      const [{ code }, output, errors] = await Promise.all([ended, text(stdout), text(stderr)])
      return { code, output, errors }
    },

    /**
     * Stops all programs, the last started first, so that each still has what it depends on.
     *
     * @returns {Promise<boolean>} whether all of them stopped as expected
     */
    stop: async () => {
      stopping = true
      let orderly = true
      for (const { child, lasts, ended } of [...running].reverse()) {
        child.kill('SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeout)
        const { code, signal } = await ended
        clearTimeout(timer)
        // An interrupted command fails, and one that has only just started dies of the signal. Both are expected.
        orderly &&= code === 0 || signal === 'SIGTERM' || (!lasts && signal === null)
      }
      return orderly
    },

    /** Kills all programs immediately. */
    kill: () => {
      stopping = true
      for (const { child } of running) child.kill('SIGKILL')
    },
  }
}
