import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { LocalPostgres } from '#local-postgres'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/** What another process that uses the embedded database says of it. */
export interface Joined extends Pick<LocalPostgres, 'connection' | 'data'> {
  /** The server's process. */
  readonly pid: number
  /** Why it could not join. */
  readonly refused?: string
}

export interface Joiner {
  /** Kept when it is about to join. */
  readonly begun: Promise<void>
  /** Kept when it has joined, or was refused. */
  readonly joined: Promise<Joined>
  /** Lets it leave; its exit status. */
  leave(): Promise<number | null>
  /** Ends it with SIGKILL. */
  kill(): Promise<void>
}

/**
 * Starts a process that joins the embedded database in `dataDir`.
 *
 * @param as the user and the home that it has; by default ours
 */
export function startJoiner(t: Test, dataDir: string, as?: { uid: number; home: string }): Joiner {
  // Without NODE_OPTIONS, by which tap would have it write into a folder that is not its user's.
  const command = [
    '-u',
    'NODE_OPTIONS',
    process.execPath,
    ...process.execArgv.filter((argument) => argument === '--import=tsx'),
    join(import.meta.dirname, `joiner${extname(import.meta.filename)}`),
    dataDir,
  ]
  const child = spawn('env', command, {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: packageFolder,
    ...(as ? { uid: as.uid, gid: as.uid, env: { PATH: process.env['PATH'], HOME: as.home } } : {}),
  })
  t.teardown(() => end(child, 'SIGKILL'))
  const lines = createInterface(child.stdout)
  const line = (wanted: (text: string) => boolean) =>
    new Promise<string>((resolve, reject) => {
      lines.on('line', (text) => wanted(text) && resolve(text))
      lines.on('close', () => reject(new Error('It ended without a word.')))
    })
  const begun = line((text) => text === 'begun').then(() => {})
  const joined = line((text) => text.startsWith('{')).then((text) => JSON.parse(text) as Joined)
  for (const promise of [begun, joined]) promise.catch(() => {}) // who waits for it sees it
  return {
    begun,
    joined,
    leave: async () => {
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
      return child.exitCode
    },
    kill: () => end(child, 'SIGKILL'),
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}
