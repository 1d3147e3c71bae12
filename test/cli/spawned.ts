import { type ChildProcess, spawn } from 'node:child_process'
import type { Test } from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { eventually } from '../support/eventually.ts'

export interface Spawned {
  readonly child: ChildProcess
  readonly out: () => string
  readonly err: () => string
  readonly ended: Promise<{ code: number | null; out: string; err: string }>
}

/** Runs `signet` as a separate process, with only these settings. */
export function spawnSignet(t: Test, settings: Record<string, string>, ...args: string[]): Spawned {
  return spawnNode(t, settings, ['dist/main.js', ...args])
}

/** The same, with all arguments of `node`. */
export function spawnNode(t: Test, settings: Record<string, string>, args: readonly string[]): Spawned {
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('SIGNET_'))
  // Without what tap makes every program load that a test starts, which takes longer to load than Signet.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...args], {
    cwd: packageFolder,
    env: { ...Object.fromEntries(environment), ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  const ended = new Promise<{ code: number | null; out: string; err: string }>((done) =>
    child.once('close', (code) => done({ code, ...said })),
  )
  return { child, out: () => said.out, err: () => said.err, ended }
}

/** Runs `signet serve` the same way; resolves when it is ready. */
export async function spawnServer(t: Test, settings: Record<string, string>): Promise<Spawned> {
  return untilServing(spawnSignet(t, settings, 'serve'))
}

/** Waits until a server is ready or has exited. */
export async function untilServing(server: Spawned): Promise<Spawned> {
  const { child, out } = server
  await eventually(
    '`signet serve` to be ready, or to end',
    () => ({ out: out(), code: child.exitCode }),
    ({ code }) => code !== null || out().includes('Signet is ready'),
  )
  return server
}
