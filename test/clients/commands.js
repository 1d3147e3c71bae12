import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** The time of a trial is over, or that of one of its parts, or somebody has interrupted the run. It is not a failure of the client. */
export class OutOfTime extends Error {}

/** The last lines of what a program printed: enough for its error, not for its whole log. */
const keptOutput = 8_000

/** The process groups that are running. They do not end with this process, so it ends them. */
const groups = new Set()
process.once('exit', () => {
  for (const group of groups) signalGroup(group, 'SIGKILL')
})

const interruption = new AbortController()

/** Aborted when somebody interrupts the run. */
export const interrupted = interruption.signal

// What is being waited for is given up, and the callers stop what they have started. Killing it would leave the embedded database, which
// is a process of its own, and temporary folders behind. A second signal does not wait.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    process.exitCode = 1
    if (interrupted.aborted) process.exit()
    interruption.abort()
  })

/**
 * @param {number | undefined} group
 * @param {NodeJS.Signals} signal
 */
function signalGroup(group, signal) {
  try {
    if (group !== undefined) process.kill(-group, signal)
  } catch {
    // It has ended.
  }
}

/**
 * @typedef {object} Running
 * @property {() => string} output the end of what it printed, both streams together
 * @property {() => string} printed the end of its standard output
 * @property {Promise<number | string>} ended resolves to its exit code or signal
 * @property {() => Promise<void>} stop
 */

/**
 * Starts a program in a process group of its own, so that whatever it starts is stopped with it.
 *
 * @param {string[]} command
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, input?: string | undefined }} options
 * @returns {Running}
 */
export function startProgram([program = '', ...args], { cwd, env, input }) {
  const child = spawn(program, args, {
    cwd,
    env,
    detached: true,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  let output = ''
  let printed = ''
  const keep = (/** @type {Buffer} */ chunk) => {
    output = (output + chunk).slice(-keptOutput)
  }
  child.stdout?.on('data', keep)
  child.stdout?.on('data', (chunk) => {
    printed = (printed + chunk).slice(-keptOutput)
  })
  child.stderr?.on('data', keep)
  child.stdin?.end(input)
  const ended = new Promise((resolve) => {
    child.once('error', (error) => {
      output += error.message
      resolve('not started')
    })
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  groups.add(child.pid)
  return {
    output: () => output,
    printed: () => printed,
    ended,
    stop: async () => {
      signalGroup(child.pid, 'SIGTERM')
      const forced = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), 15_000)
      await ended
      clearTimeout(forced)
      signalGroup(child.pid, 'SIGKILL')
      groups.delete(child.pid)
    },
  }
}

/**
 * Runs a program to its end.
 *
 * @param {string[]} command
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, input?: string, deadline: number }} options `deadline` in milliseconds of Date.now()
 * @returns {Promise<string>} its standard output
 * @throws {OutOfTime} if it has not ended by then
 * @throws {Error} if it fails
 */
export async function runProgram(command, { deadline, ...options }) {
  const program = startProgram(command, options)
  try {
    const code = await before(deadline, program.ended, command.join(' '))
    if (code !== 0) throw new Error(`${command.join(' ')} failed (${code}):\n${program.output()}`)
    return program.printed()
  } finally {
    await program.stop()
  }
}

/**
 * Waits until a server answers, for as long as its program runs: whoever gives up stops the program.
 *
 * @param {string} url
 * @param {Running} program
 * @param {(response: Response) => boolean} [isGood]
 * @throws {Error} if the program has ended
 */
export async function answers(url, program, isGood = () => true) {
  let hasEnded = false
  void program.ended.then(() => {
    hasEnded = true
  })
  while (!hasEnded) {
    const response = await fetch(url, { redirect: 'manual' }).catch(() => undefined)
    if (response && isGood(response)) return
    await sleep(100)
  }
  throw new Error(`The program has ended:\n${program.output()}`)
}

/**
 * Waits for a promise until the deadline or an interruption.
 *
 * @template T
 * @param {number} deadline in milliseconds of Date.now()
 * @param {Promise<T>} promise
 * @param {string} what it is that takes the time
 * @returns {Promise<T>}
 * @throws {OutOfTime}
 */
export async function before(deadline, promise, what) {
  let giveUp = (/** @type {string} */ _why) => {}
  /** @type {Promise<never>} */
  const over = new Promise((_, reject) => {
    giveUp = (why) => reject(new OutOfTime(why))
  })
  const interrupt = () => giveUp('interrupted')
  const timer = setTimeout(() => giveUp(`no time left for: ${what}`), Math.max(0, deadline - Date.now()))
  if (interrupted.aborted) interrupt()
  interrupted.addEventListener('abort', interrupt)
  try {
    return await Promise.race([promise, over])
  } finally {
    clearTimeout(timer)
    interrupted.removeEventListener('abort', interrupt)
  }
}
