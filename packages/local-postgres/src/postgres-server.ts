import { constants } from 'node:fs'
import { access, type FileHandle, open, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import type { Account } from './home.ts'
import { ended, runProgram, startProgram } from './postgres-program.ts'

/** What it takes to start and stop a server for a cluster. */
export interface Server {
  readonly cluster: Cluster
  readonly runtime: string
  readonly runAs: Account | undefined
  /** Parameters beside ours. For tests; no setting leads here. */
  readonly parameters: Readonly<Record<string, string>>
}

/** How an attempt to start a server has ended: the server had run, another was first, or it did not come up. */
export type StartOutcome = 'ran' | 'another is there' | 'failed'

/**
 * Starts a server, unless one runs on the cluster already: PostgreSQL's own postmaster.pid decides between several processes that
 * try, and PostgreSQL clears up after a server that was killed. The server has a process group of its own: Ctrl-C in a terminal does not
 * reach it, and it goes on if this process is killed.
 *
 * @returns a promise that resolves when the server ends, not when it is ready
 * @throws LocalPostgresError when the program cannot be run at all
 */
export async function startServer({ cluster, runtime, runAs, parameters }: Server): Promise<StartOutcome> {
  await turnLog(cluster.log)
  const settings = Object.entries({ ...serverParameters, ...parameters }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])
  const program = { path: join(runtime, 'bin', 'postgres'), args: ['-D', cluster.data, ...settings], runAs }
  const log = await openLog(cluster.log, runAs)
  const before = (await log.stat()).size
  const child = startProgram(program, { detached: true, stdio: ['ignore', log.fd, log.fd] })
  child.unref()
  const [status] = await Promise.all([ended(child, program), log.close()]) // the server has the file for itself
  if (status === 0) return 'ran'
  return anotherIsThere.test(await readLog(cluster.log, before)) ? 'another is there' : 'failed'
}

// What PostgreSQL says when another server holds postmaster.pid, or when children of a killed server have not ended yet.
const anotherIsThere = /lock file .* already exists|pre-existing shared memory block/

const serverParameters = {
  // Relative to the data folder, which is the server's working folder: so its path may be long and have quotes and commas.
  unix_socket_directories: '../run',
  unix_socket_permissions: '0700',
  listen_addresses: '',
  port: '5432',
  max_connections: '100',
  shared_buffers: '64MB',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  // A small server for one application: no processes for what it does not do.
  io_method: 'sync',
  max_logical_replication_workers: '0',
  jit: 'off',
  // The log is about the server: its starts and ends. Errors of statements, which can quote the statement and its values, go to the
  // application alone.
  logging_collector: 'off',
  log_checkpoints: 'off',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
}

/**
 * Stops a server and waits for its end, up to `patience` milliseconds. Open connections are closed, what is committed
 * is kept (a "fast shutdown").
 *
 * @param pid the server's, as the server itself reports it
 * @returns whether it has ended
 */
export async function stopServer({ cluster, runtime, runAs }: Server, pid: number, patience: number): Promise<boolean> {
  const deadline = performance.now() + patience
  // Root does not send the signal itself: the number comes from a process with fewer rights, which could name any other process.
  if (runAs) await runProgram({ path: join(runtime, 'bin', 'pg_ctl'), args: ['kill', 'INT', String(pid)], runAs })
  else process.kill(pid, 'SIGINT')
  // The file goes last. (The process itself may linger as a zombie, where nobody has asked for its status.)
  while (await exists(join(cluster.data, 'postmaster.pid'))) {
    if (performance.now() > deadline) return false
    await pause(5)
  }
  return true
}

/** The end of the server's log, for people who must find out why it did not start. */
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

// The log belongs to the account of the server, so that whoever starts it next, root or that account, can write to it. Root gives away
// a file that it has just made, and never one that it has found, which could be a link to any other.
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

// A server that writes to the old file goes on doing so; the new one begins with the next start.
async function turnLog(path: string): Promise<void> {
  const { size } = await stat(path).catch(() => ({ size: 0 }))
  if (size > 5_000_000) await rename(path, `${path}.1`)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
