import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { joinLocalPostgres, type LocalPostgres } from '#local-postgres'
import { createPool, type Database, type PoolOptions } from '../../../src/platform/database/pool.ts'
import { noLog } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'

/** A folder that is deleted after the test. */
export function freshFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'))
  chmodSync(folder, 0o755)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Joins the embedded database in the test's own folder, for tests that damage or stop the server. */
export async function joinIn(t: Test, dataDir: string, log = noLog): Promise<LocalPostgres> {
  const embedded = await joinLocalPostgres({ dataDir, allowRoot: true, log })
  t.teardown(() => embedded.leave())
  return embedded
}

/** A pool on an embedded database. */
export function poolOn(t: Test, { connection }: LocalPostgres, options: Partial<PoolOptions> = {}): Database {
  const pool = createPool({
    ...{ connection, schema: 'signet', max: 10, connectTimeoutMs: 2_000, queryTimeoutMs: 3_000, log: noLog },
    ...options,
  })
  t.teardown(() => pool.end())
  return pool
}

/** The main process of the server. */
export function serverPid({ data }: Pick<LocalPostgres, 'data'>): number {
  return Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
}

/** All processes of the server: the main one and those for connections and background work. */
export async function serverPids(embedded: LocalPostgres): Promise<number[]> {
  const { rows } = await askOnce<{ pid: number }>(
    embedded,
    'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()',
  )
  return [serverPid(embedded), ...rows.map(({ pid }) => pid)]
}

/** Runs one statement on a separate connection. */
export async function askOnce<R extends pg.QueryResultRow>(
  { connection }: Pick<LocalPostgres, 'connection'>,
  text: string,
) {
  const client = new pg.Client({ ...connection, ssl: false })
  await client.connect()
  try {
    return await client.query<R>(text)
  } finally {
    await client.end()
  }
}

/** Waits until a server other than the process `before` accepts connections. */
export async function nextServer(embedded: LocalPostgres, before: number): Promise<void> {
  await eventually(`another server than process ${before}`, async () => {
    const pid = serverPid(embedded)
    if (pid === before) return false
    await askOnce(embedded, 'SELECT 1')
    return pid
  })
}

/** Waits until one user is left. The server releases the lock of a killed user when it notices that the connection is gone. */
export async function untilOneUserIsLeft(pool: Database): Promise<void> {
  const shares = "SELECT count(*) AS held FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'"
  await eventually(
    'one user to be left',
    async () => (await pool.query<{ held: number }>({ text: shares })).rows[0]?.held,
    (held) => held === 1,
  )
}
