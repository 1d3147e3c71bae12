import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { LocalPostgres } from '#local-postgres'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/** What a process that joined the embedded database reports. */
export interface Joined extends Pick<LocalPostgres, 'connection' | 'data'> {
  /** The process ID of the server. */
  readonly pid: number
  /** Why it could not join. */
  readonly refused?: string
}

export interface Joiner {
  /** Resolves when it is about to join. */
  readonly begun: Promise<void>
  /** Resolves when it has joined or was refused. */
  readonly joined: Promise<Joined>
  /** Makes it leave; resolves to its exit status. */
  leave(): Promise<number | null>
  /** Ends it with SIGKILL. */
  kill(): Promise<void>
}

/**
 * Starts a process that joins the embedded database in `dataDir`.
 *
 * @param as the user who runs it, with a home directory; by default the current user
 */
export function startJoiner(t: Test, dataDir: string, as?: { uid: number; home: string }): Joiner {
  // Without NODE_OPTIONS, through which tap would make it write into a folder of another user.
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
      lines.on('close', () => reject(new Error('It exited without any output.')))
    })
  const begun = line((text) => text === 'begun').then(() => {})
  const joined = line((text) => text.startsWith('{')).then((text) => JSON.parse(text) as Joined)
  for (const promise of [begun, joined]) promise.catch(() => {}) // the caller that awaits it sees the error
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
