import type { ClientConfig } from 'pg'

/** Where the database is: a URL of the operator's, or the parts of a connection to the embedded PostgreSQL. */
export type DatabaseConnection =
  | { readonly connectionString: string }
  | {
      /** A host name, or the folder of a Unix socket. */
      readonly host: string
      readonly port: number
      readonly user: string
      readonly password: string
      readonly database: string
    }

/**
 * What `pg` takes for `connection`.
 *
 * The embedded database is reached with port, `ssl` and `options` given explicitly, because `pg` would otherwise take PGPORT,
 * PGSSLMODE and PGOPTIONS from an environment that means another server. (An empty text would count as not given.)
 */
export function clientConfig(connection: DatabaseConnection): ClientConfig {
  return 'connectionString' in connection ? { ...connection } : { ...connection, ssl: false, options: ' ' }
}

/** Whether `schema` is a name that can stand anywhere in SQL and that PostgreSQL does not reserve. */
export function isSchemaName(schema: string): boolean {
  return /^[a-z_][a-z0-9_]{0,62}$/.test(schema) && !schema.startsWith('pg_') && schema !== 'information_schema'
}

/** @throws TypeError unless `schema` is a schema name */
export function assertSchemaName(schema: string): void {
  if (!isSchemaName(schema))
    throw new TypeError(
      `${JSON.stringify(schema)} cannot be a schema: a name has up to 63 lower-case letters, digits and _, ` +
        'and does not start with a digit or pg_.',
    )
}
