import pg from 'pg'
import type { Test } from 'tap'
import type { DatabaseConnection } from '../../src/platform/database/hosts.ts'
import { once, testName, testServer } from '../database-server.ts'
import { eventually } from './eventually.ts'

/**
 * Creates a database of its own for a test, with another encoding or locale than usual. It is dropped when `t` is over.
 *
 * @param options the end of CREATE DATABASE
 * @returns why it cannot be created here, where the server has no such locale or the role may not; for the title of what is skipped
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
    // Appendix A: insufficient_privilege, feature_not_supported, and what an unknown locale is.
    if (!['42501', '0A000', '42809', '22023'].includes(String((error as { code?: unknown }).code))) throw error
    return { whyNot: error instanceof Error ? error.message : String(error) }
  }
  // A worker of autovacuum that is at it belongs to a superuser, so that the role may not end it. It is done in a moment.
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
