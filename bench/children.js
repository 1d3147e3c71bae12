// The processes of a run, and its folder. All of them are cleaned up, whatever happens.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * @typedef {object} Child
 * @property {number} pid
 * @property {() => Promise<void>} end
 */

/**
 * @typedef {object} Command
 * @property {string} program
 * @property {string[]} args
 * @property {Record<string, string>} [environment] in addition to ours
 * @property {string | undefined} [processors] a list in the syntax of taskset
 * @property {string} [input] what it reads on standard input
 */

/** @typedef {ReturnType<typeof createChildren>} Children */

/** Milliseconds that a process gets to stop before it is killed. */
const stopTimeout = 10_000

export function createChildren() {
  const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
  // If root starts it, PostgreSQL runs as another user, who must be able to pass through.
  chmodSync(folder, 0o711)
  /** @type {Set<Child>} */
  const running = new Set()
  /** @type {Promise<void> | undefined} */
  let ending

  // Without the settings of another Signet.
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SIGNET_')))

  /** @param {Command} command */
  const launch = ({ program, args, environment = {}, processors, input = '' }) => {
    if (ending) throw new Error('The run is being stopped.')
    const [file, list] =
      processors === undefined ? [program, args] : ['taskset', ['--cpu-list', processors, program, ...args]]
    const child = spawn(file, list, { env: { ...inherited, ...environment }, stdio: 'pipe' })
    child.stdin.on('error', () => {}) // it exited without reading its input: the exit status says why
    child.stdin.end(input)
    return child
  }

  /**
   * Starts a server and waits until its output contains the text `ready`, or until a request to `readyAt` succeeds.
   *
   * @param {Command & { ready?: string, readyAt?: string, signal?: NodeJS.Signals }} command
   * @returns {Promise<Child & { output: string }>}
   */
  const serve = (command) =>
    new Promise((resolve, reject) => {
      const child = launch(command)
      /** @type {Promise<void>} */
      const ended = new Promise((done) => child.once('close', () => done()))
      const handle = {
        pid: child.pid ?? 0,
        end: async () => {
          running.delete(handle)
          child.kill(command.signal ?? 'SIGTERM')
          const killTimer = setTimeout(() => child.kill('SIGKILL'), stopTimeout)
          await ended
          clearTimeout(killTimer)
        },
      }
      running.add(handle)
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => {
          output = (output + text).slice(-8_000)
          if (command.ready !== undefined && output.includes(command.ready)) resolve({ ...handle, output })
        })
      const { readyAt } = command
      const poll = async () => {
        const answer = await fetch(readyAt ?? '').catch(() => undefined)
        if (answer?.ok) resolve({ ...handle, output })
        else if (running.has(handle)) setTimeout(poll, 500)
      }
      if (readyAt !== undefined) void poll()
      child.once('error', reject)
      child.once('close', (code) => {
        running.delete(handle)
        reject(new Error(`${command.program} ${command.args.join(' ')} exited with ${code}:\n${output}`))
      })
    })

  /**
   * Runs a program to its end and returns its output.
   *
   * @param {Command} command
   * @returns {Promise<string>}
   */
  const run = (command) =>
    new Promise((resolve, reject) => {
      const child = launch(command)
      const handle = { pid: child.pid ?? 0, end: async () => void child.kill() }
      running.add(handle)
      let out = ''
      let err = ''
      child.stdout.setEncoding('utf8').on('data', (text) => (out += text))
      child.stderr.setEncoding('utf8').on('data', (text) => (err += text))
      child.once('error', reject)
      child.once('close', (code) => {
        running.delete(handle)
        if (code === 0) resolve(out)
        else reject(new Error(`${command.program} ${command.args.join(' ')} exited with ${code}:\n${err || out}`))
      })
    })

  /** Ends all of them, the latest first, because servers need their database until they have stopped. */
  const endAll = () => {
    ending ??= (async () => {
      for (const child of [...running].reverse()) await child.end()
      rmSync(folder, { recursive: true, force: true })
    })()
    return ending
  }

  return { folder, serve, run, endAll, isEnding: () => ending !== undefined }
}
