import pg from 'pg'
import type { Test } from 'tap'
import type { DatabaseConnection } from '../../src/platform/database/hosts.ts'
import { once, testName, testServer } from '../database-server.ts'
import { eventually } from './eventually.ts'

/**
 * Creates a separate database for a test, with another encoding or locale than usual. It is dropped when `t` ends.
 *
 * @param options appended to CREATE DATABASE
 * @returns the reason if it cannot be created here (the server lacks the locale, or the role lacks the privilege), for the name of the
 * skipped test
 */
export async function ownDatabase(
  t: Test,
  options: string,
): Promise<{ readonly connection: DatabaseConnection } | { readonly whyNot: string }> {
  const { connection, administrator } = await testServer()
  const { user = '' } = configOf(connection)
  const database = testName()
  try {
    await once(
      administrator,
      `CREATE DATABASE ${database} OWNER ${pg.escapeIdentifier(user)} TEMPLATE template0 ${options}`,
    )
  } catch (error) {
    // Appendix A of the PostgreSQL manual: insufficient_privilege, feature_not_supported, and the codes for an unknown locale.
    if (!['42501', '0A000', '42809', '22023'].includes(String((error as { code?: unknown }).code))) throw error
    return { whyNot: error instanceof Error ? error.message : String(error) }
  }
  // An autovacuum worker in this database runs as a superuser, so the role may not terminate it. It finishes quickly.
  t.teardown(() =>
    eventually('the database to be dropped', async () => {
      await once(administrator, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
      return true
    }),
  )
  if (!('connectionString' in connection)) return { connection: { ...connection, database } }
  const url = new URL(connection.connectionString)
  url.pathname = `/${database}`
  return { connection: { connectionString: url.href } }
}

function configOf(connection: DatabaseConnection): { readonly user?: string | undefined } {
  return 'connectionString' in connection ? new pg.Client(connection) : connection
}
