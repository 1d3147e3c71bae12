import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { lchown } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import type { Test } from 'tap'
import { type Cluster, ensureCluster } from '#local-postgres/cluster'
import { chooseHome, type Home } from '#local-postgres/home'
import { startServer, stopServer } from '#local-postgres/postgres-server'
import { findPostgresqlPackage, prepareRuntime } from '#local-postgres/runtime'
import { noLog } from '../database.ts'
import { eventually } from './eventually.ts'

const run = promisify(execFile)

/** A PostgreSQL server that only the test keeps running. */
export interface Server {
  /** The value for `host:port` in a URL. */
  readonly address: string
  readonly url: string
  readonly cluster: Cluster
  /** Runs one statement as a superuser. */
  readonly ask: <R extends pg.QueryResultRow>(text: string, values?: unknown[]) => Promise<R[]>
  readonly stop: () => Promise<void>
}

/**
 * Mounts a file system of this size on the folder, so that a test can fill it.
 *
 * @returns the reason, if this is not possible here
 */
export async function mountSmallDisk(t: Test, folder: string, megabytes: number): Promise<string | undefined> {
  mkdirSync(folder, { mode: 0o755 })
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', folder])
  } catch {
    return 'this user may not mount file systems'
  }
  t.teardown(() => run('umount', ['-l', folder]))
  return undefined
}

/**
 * Starts a server on a new cluster in this folder. Its `cluster_name` is `primary`; a standby's is `standby`.
 *
 * @param programs the folder for the programs, which are larger than the cluster
 */
export async function startPrimary(t: Test, folder: string, programs: string): Promise<Server> {
  const source = findPostgresqlPackage()
  const home = await chooseHome({ dataDir: folder, allowRoot: true }, noLog)
  const runtime = await prepareRuntime(programs, source)
  return startOn(t, await ensureCluster(home, runtime, source), home, runtime, 'primary')
}

/**
 * Starts a standby of `primary` in this folder: the data is copied while the primary is stopped, and the standby then follows it. (The
 * package of the embedded PostgreSQL has no pg_basebackup.)
 */
export async function startStandby(
  t: Test,
  folder: string,
  primary: Server,
  programs: string,
): Promise<{ primary: Server; standby: Server }> {
  const source = findPostgresqlPackage()
  const home = await chooseHome({ dataDir: folder, allowRoot: true }, noLog)
  const runtime = await prepareRuntime(programs, source)
  await primary.stop()
  const from = join(primary.cluster.data, '..')
  const to = join(home.base, 'postgresql')
  // Keeps owners and modes, which PostgreSQL checks.
  await run('cp', ['-a', from, to])
  const { data, credentials } = primary.cluster
  const conninfo = `host='${primary.cluster.run}' port=5432 user=postgres password=${credentials.superuserPassword}`
  const cluster = await ensureCluster(home, runtime, source)
  writeFileSync(join(cluster.data, 'standby.signal'), '')
  if (home.runAs) await lchown(join(cluster.data, 'standby.signal'), home.runAs.uid, home.runAs.gid)
  const primaryHome = { ...home, base: join(data, '../..') }
  return {
    primary: await startOn(t, primary.cluster, primaryHome, runtime, 'primary'),
    standby: await startOn(t, cluster, home, runtime, 'standby', { primary_conninfo: conninfo }),
  }
}

async function startOn(
  t: Test,
  cluster: Cluster,
  { runAs }: Home,
  runtime: string,
  name: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const quick = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', cluster_name: name }
  const server = { cluster, runtime, runAs, parameters: { ...quick, ...parameters } }
  const ended = startServer(server)
  const { run: host, credentials } = cluster
  const address = `${encodeURIComponent(host)}:5432`
  const ask = async <R extends pg.QueryResultRow>(text: string, values: unknown[] = []) => {
    const user = { user: 'postgres', password: credentials.superuserPassword, database: 'signet' }
    const client = new pg.Client({ host, port: 5432, ...user, ssl: false })
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.query<R>(text, values)).rows
    } finally {
      await client.end().catch(() => {})
    }
  }
  let stopped = false
  const stop = async () => {
    if (stopped) return
    stopped = true
    const pid = Number(readFileSync(join(cluster.data, 'postmaster.pid'), 'utf8').split('\n')[0])
    // The server is detached, so waiting for its exit would not keep this process running.
    const busy = setInterval(() => {}, 1_000)
    await stopServer(server, pid, { fast: 60_000, immediate: 60_000 })
      .then(() => ended)
      .finally(() => clearInterval(busy))
  }
  t.teardown(() => stop())
  await eventually('the server to answer', () => ask('SELECT 1').catch((error: Error) => error.message), Array.isArray)
  return { address, url: urlOf(cluster, address), cluster, ask, stop }
}

/** @param addresses of one or more servers with the same accounts */
export function urlOf({ credentials }: Cluster, ...addresses: string[]): string {
  return `postgres://signet:${credentials.applicationPassword}@${addresses.join(',')}/signet`
}

/** Waits until a standby has replayed everything that the primary had written when this was called. */
export async function untilReplayed(primary: Server, standby: Server): Promise<void> {
  const [position] = await primary.ask<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn')
  await eventually(
    'the standby to replay what the primary wrote',
    () => standby.ask<{ done: boolean }>('SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS done', [position?.lsn]),
    ([row]) => row?.done === true,
  )
}
