import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { type EmbeddedDatabase, joinEmbedded } from '../../../src/platform/database/embedded.ts'
import { createPool, type Database, type PoolOptions } from '../../../src/platform/database/pool.ts'
import { noLog } from '../../database.ts'

/** A folder that goes with the test. */
export function freshFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'))
  chmodSync(folder, 0o755)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Joins the embedded database in a folder of the test's own, for tests that are cruel to the server. */
export async function joinIn(t: Test, dataDir: string, log = noLog): Promise<EmbeddedDatabase> {
  const embedded = await joinEmbedded({ dataDir, issuerIsLoopback: true, log })
  t.teardown(() => embedded.leave())
  return embedded
}

/** A pool on an embedded database. */
export function poolOn(t: Test, { connection }: EmbeddedDatabase, options: Partial<PoolOptions> = {}): Database {
  const pool = createPool({
    ...{ connection, schema: 'signet', max: 10, connectTimeoutMs: 2_000, queryTimeoutMs: 3_000, log: noLog },
    ...options,
  })
  t.teardown(() => pool.end())
  return pool
}

/** The server's own process. */
export function serverPid({ data }: Pick<EmbeddedDatabase, 'data'>): number {
  return Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
}

/** All processes of the server: its own and those that it has for connections and chores. */
export async function serverPids(embedded: EmbeddedDatabase): Promise<number[]> {
  const { rows } = await askOnce<{ pid: number }>(
    embedded,
    'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()',
  )
  return [serverPid(embedded), ...rows.map(({ pid }) => pid)]
}

/** One statement on a connection of its own. */
export async function askOnce<R extends pg.QueryResultRow>(
  { connection }: Pick<EmbeddedDatabase, 'connection'>,
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

/** Asks again until it works, as a client would that is answered 503. The test's own time limit is the bound. */
export async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Waits until another server than the one that was `before` serves. */
export async function nextServer(embedded: EmbeddedDatabase, before: number): Promise<void> {
  await eventually(async () => {
    if (serverPid(embedded) === before) throw new Error('not yet')
    await askOnce(embedded, 'SELECT 1')
  })
}

/** Until there is one user left: the server lets go of the share of who was killed when it notices that nobody is there any more. */
export async function alone(pool: Database): Promise<void> {
  const shares = "SELECT count(*) AS held FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'"
  await eventually(async () => {
    const { rows } = await pool.query<{ held: number }>({ text: shares })
    if (rows[0]?.held !== 1) throw new Error('not yet')
  })
}
