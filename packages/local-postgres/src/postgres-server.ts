import { constants } from 'node:fs'
import { type FileHandle, open, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import type { Account } from './home.ts'
import { ended, runProgram, startProgram } from './postgres-program.ts'

/** What is needed to start and stop the server of a cluster. */
export interface Server {
  readonly cluster: Cluster
  readonly runtime: string
  readonly runAs: Account | undefined
  /** Additional parameters. Only for tests; there is no setting for it. */
  readonly parameters: Readonly<Record<string, string>>
}

/** The outcome of an attempt to start a server: it ran and has exited, another server was already running, or it could not start. */
export type StartOutcome = 'ran' | 'already running' | 'failed'

/**
 * Starts a server, unless one is already running on the cluster. If several processes try, PostgreSQL's postmaster.pid decides, and PostgreSQL
 * cleans up after a server that was killed. The server has its own process group: Ctrl-C in a terminal does not reach it, and it continues
 * to run if this process is killed.
 *
 * @returns a promise that resolves when the server exits, not when it is ready
 * @throws LocalPostgresError if the program cannot be run
 */
export async function startServer({ cluster, runtime, runAs, parameters }: Server): Promise<StartOutcome> {
  await rotateLog(cluster.log)
  const settings = Object.entries({ ...serverParameters, ...parameters }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])
  const program = { path: join(runtime, 'bin', 'postgres'), args: ['-D', cluster.data, ...settings], runAs }
  const log = await openLog(cluster.log, runAs)
  const before = (await log.stat()).size
  const child = startProgram(program, { detached: true, stdio: ['ignore', log.fd, log.fd] })
  child.unref()
  const [status] = await Promise.all([ended(child, program), log.close()]) // the server has its own descriptor
  if (status === 0) return 'ran'
  return alreadyRunning.test(await readLog(cluster.log, before)) ? 'already running' : 'failed'
}

// PostgreSQL's messages if another server holds postmaster.pid, or if child processes of a killed server have not exited yet.
const alreadyRunning = /lock file .* already exists|pre-existing shared memory block/

const serverParameters = {
  // Relative to the data folder, which is the server's working folder. So the full path may be long and contain quotes and commas.
  unix_socket_directories: '../run',
  unix_socket_permissions: '0700',
  listen_addresses: '',
  port: '5432',
  max_connections: '100',
  shared_buffers: '64MB',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  // A small server for one application: no processes for unused features.
  io_method: 'sync',
  max_logical_replication_workers: '0',
  jit: 'off',
  // The log is about the server: when it starts and stops. Errors of statements, which can quote the statement and its values, are sent only
  // to the application.
  logging_collector: 'off',
  log_checkpoints: 'off',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
}

/**
 * Stops a server and waits until it has exited. Open connections are closed, and everything committed is kept (a "fast shutdown"). If one of its processes
 * hangs, or the disk is too slow for the last checkpoint, the server is told to exit without it (an "immediate shutdown"): the next start then replays the
 * write-ahead log.
 *
 * @param pid that of the server, as the server itself reports it
 * @param timeouts milliseconds for each of the two
 * @returns whether it has exited
 */
export async function stopServer(
  server: Server,
  pid: number,
  timeouts: { readonly fast: number; readonly immediate: number },
): Promise<boolean> {
  return (
    (await stopsAfter(server, pid, 'INT', timeouts.fast)) || (await stopsAfter(server, pid, 'QUIT', timeouts.immediate))
  )
}

async function stopsAfter(
  { cluster, runtime, runAs }: Server,
  pid: number,
  signal: 'INT' | 'QUIT',
  timeout: number,
): Promise<boolean> {
  const deadline = performance.now() + timeout
  if (!(await isRunning(cluster, pid))) return true
  // Root does not send the signal itself: the pid is reported by a process with fewer privileges, which could name any other process.
  if (runAs) await runProgram({ path: join(runtime, 'bin', 'pg_ctl'), args: ['kill', signal, String(pid)], runAs })
  else process.kill(pid, `SIG${signal}`)
  while (await isRunning(cluster, pid)) {
    if (performance.now() > deadline) return false
    await pause(5)
  }
  return true
}

/**
 * A server deletes its file last. (The process itself may remain as a zombie until its parent reads its status.) The next user may already have started another
 * server, which has a file of the same name.
 */
async function isRunning(cluster: Cluster, pid: number): Promise<boolean> {
  const content = await readFile(join(cluster.data, 'postmaster.pid'), 'utf8').catch(() => '')
  return content.split('\n')[0] === String(pid)
}

/** The end of the server's log, to find out why it did not start. */
export async function logTail(cluster: Cluster): Promise<string> {
  const { size } = await stat(cluster.log).catch(() => ({ size: 0 }))
  const lines = (await readLog(cluster.log, Math.max(0, size - 4_000))).trim().split('\n')
  return lines.slice(-15).join('\n')
}

async function readLog(path: string, from: number): Promise<string> {
  const log = await open(path, 'r').catch(() => undefined)
  if (!log) return ''
  try {
    const { buffer, bytesRead } = await log.read(Buffer.alloc(16_384), 0, 16_384, from)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await log.close()
  }
}

// The log belongs to the server's account, so that the next process to start the server, run by root or by that account, can write to it.
// Root changes the owner only of a file that it has just created, never of an existing one, which could be a link to any other file.
async function openLog(path: string, owner: Account | undefined): Promise<FileHandle> {
  const append = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW
  try {
    const log = await open(path, append | constants.O_CREAT | constants.O_EXCL, 0o600)
    if (owner) await log.chown(owner.uid, owner.gid)
    return log
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return open(path, append)
  }
}

// A running server keeps writing to the renamed file; the new one is created at the next start.
async function rotateLog(path: string): Promise<void> {
  const { size } = await stat(path).catch(() => ({ size: 0 }))
  if (size > 5_000_000) await rename(path, `${path}.1`)
}
