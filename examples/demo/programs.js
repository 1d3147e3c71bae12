import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

/**
 * @typedef {object} Program
 * @property {import('node:child_process').ChildProcess} child
 * @property {boolean} lasts whether it goes on until it is stopped
 * @property {Promise<{ code: number | null, signal: string | null }>} ended
 */

/** Milliseconds that a program has to come to its end. Signet stops its database in that time. */
const patience = 20_000

/** A sentence for the person at the terminal; a stack would add nothing. */
export class DemoFailed extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message)
    this.name = 'DemoFailed'
  }
}

/**
 * The programs of the demo. Each has a process group of its own: Ctrl-C, which a terminal sends to all of a group, reaches the demo
 * alone, and the demo ends the others in order, each with one signal.
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
    if (stopping) throw new DemoFailed('The demo is ending.')
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
     * Starts a program that goes on until it is stopped.
     *
     * @param {string} name
     * @param {string[]} args for Node
     * @param {NodeJS.ProcessEnv} env all that it is told
     * @returns {Promise<void>} kept when the program says on its standard output that it is ready
     */
    start: (name, args, env) => {
      const { child, ended } = launch(args, env, true)
      ended.then(({ code, signal }) =>
        fail(`${name} has ended (${signal ?? `exit code ${code}`}), and so does the demo.`),
      )
      return new Promise((resolve) => {
        // Read to the end, or the program stands still once the pipe is full.
        const lines = createInterface({ input: /** @type {import('node:stream').Readable} */ (child.stdout) })
        lines.on('line', (line) => line.includes(' is ready: ') && resolve())
      })
    },

    /** Broken, with DemoFailed, when a program that was started ends although nobody told it to. @type {Promise<never>} */
    failure,

    /**
     * Runs a program to its end.
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
     * Ends all, the last started first, so that nobody is left without what it stands on.
     *
     * @returns {Promise<boolean>} whether all did as they were told
     */
    stop: async () => {
      stopping = true
      let orderly = true
      for (const { child, lasts, ended } of [...running].reverse()) {
        child.kill('SIGTERM')
        const lateness = setTimeout(() => child.kill('SIGKILL'), patience)
        const { code, signal } = await ended
        clearTimeout(lateness)
        // A command that is interrupted has failed, and one that has hardly begun dies of the signal: both are in order.
        orderly &&= code === 0 || signal === 'SIGTERM' || (!lasts && signal === null)
      }
      return orderly
    },

    /** Ends all at once. */
    kill: () => {
      stopping = true
      for (const { child } of running) child.kill('SIGKILL')
    },
  }
}
