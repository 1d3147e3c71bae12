import type { Queryable } from '../../platform/database/queryable.ts'

/** Properties of the database. */
export interface DatabaseFacts {
  readonly versionNumber: number
  readonly version: string
  readonly encoding: string
  readonly isSuperuser: boolean
  readonly fsync: string
  readonly fullPageWrites: string
  readonly synchronousCommit: string
  /** The number that the role can have: without those reserved for superusers, and within the limits of role and database. */
  readonly connections: number
  readonly isEncrypted: boolean
  /** Null for a Unix socket. */
  readonly clientAddress: string | null
  readonly isReadOnly: boolean
  readonly hasSchema: boolean
  readonly mayCreateSchema: boolean
  readonly hasTables: boolean
}

export async function readDatabaseFacts(db: Queryable, schema: string): Promise<DatabaseFacts> {
  const { rows } = await db.query<{ facts: DatabaseFacts }>({
    text: `SELECT json_build_object(
             'versionNumber', current_setting('server_version_num')::integer,
             'version', current_setting('server_version'),
             'encoding', current_setting('server_encoding'),
             'isSuperuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
             'fsync', current_setting('fsync'),
             'fullPageWrites', current_setting('full_page_writes'),
             'synchronousCommit', current_setting('synchronous_commit'),
             'connections', least(
               current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
               (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user AND NOT rolsuper),
               (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())),
             'isEncrypted', coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
             'clientAddress', host(inet_client_addr()),
             'isReadOnly', current_setting('transaction_read_only')::boolean,
             'hasSchema', EXISTS (SELECT FROM pg_namespace WHERE nspname = $1),
             'mayCreateSchema', has_database_privilege(current_database(), 'CREATE'),
             'hasTables', to_regclass('signing_keys') IS NOT NULL) AS facts`,
    values: [schema],
  })
  return rows[0]!.facts
}

/** Milliseconds since 1970. */
export async function readDatabaseClock(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ now: Date }>({ text: 'SELECT clock_timestamp() AS now' })
  return rows[0]!.now.getTime()
}
