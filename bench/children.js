// The processes of a run, and its folder. Whatever happens, none of them stays behind.
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
 * @property {Record<string, string>} [environment] on top of ours
 * @property {string | undefined} [processors] a list as taskset takes it
 * @property {string} [input] what it reads on standard input
 */

/** @typedef {ReturnType<typeof createChildren>} Children */

const patience = 10_000 // milliseconds

export function createChildren() {
  const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
  // Started by root, PostgreSQL runs as another user, who must be able to pass through.
  chmodSync(folder, 0o711)
  /** @type {Set<Child>} */
  const running = new Set()
  /** @type {Promise<void> | undefined} */
  let ending

  // Settings of another Signet are none of ours.
  const surroundings = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SIGNET_')))

  /** @param {Command} command */
  const launch = ({ program, args, environment = {}, processors, input = '' }) => {
    if (ending) throw new Error('The run is being ended.')
    const [file, list] =
      processors === undefined ? [program, args] : ['taskset', ['--cpu-list', processors, program, ...args]]
    const child = spawn(file, list, { env: { ...surroundings, ...environment }, stdio: 'pipe' })
    child.stdin.on('error', () => {}) // it ended without reading: its status tells why
    child.stdin.end(input)
    return child
  }

  /**
   * Starts a server, and waits until what it prints holds these words.
   *
   * @param {Command & { ready: string, signal?: NodeJS.Signals }} command
   * @returns {Promise<Child & { said: string }>}
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
          const impatience = setTimeout(() => child.kill('SIGKILL'), patience)
          await ended
          clearTimeout(impatience)
        },
      }
      running.add(handle)
      let said = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => {
          said = (said + text).slice(-8_000)
          if (said.includes(command.ready)) resolve({ ...handle, said })
        })
      child.once('error', reject)
      child.once('close', (code) => {
        running.delete(handle)
        reject(new Error(`${command.program} ${command.args.join(' ')} ended with ${code}:\n${said}`))
      })
    })

  /**
   * Runs a program to its end, and gives what it prints.
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
        else reject(new Error(`${command.program} ${command.args.join(' ')} ended with ${code}:\n${err || out}`))
      })
    })

  /** Ends all of them, the latest first, for servers need their database to the end. */
  const endAll = () => {
    ending ??= (async () => {
      for (const child of [...running].reverse()) await child.end()
      rmSync(folder, { recursive: true, force: true })
    })()
    return ending
  }

  return { folder, serve, run, endAll, isEnding: () => ending !== undefined }
}
