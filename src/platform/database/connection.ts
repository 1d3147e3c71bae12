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

/** Server parameters that hold for a whole session, by their names in PostgreSQL. */
export type SessionParameters = Readonly<Record<string, string | number>>

/**
 * What `pg` takes for `connection`. Session parameters travel in the startup message, so they hold before the first
 * statement and cost no round trip; what the operator's URL says in `options` stays, but ours win.
 *
 * The embedded database is reached with port and `ssl` named outright, for `pg` would else take PGPORT and PGSSLMODE
 * from an environment that means another server.
 */
export function clientConfig(connection: DatabaseConnection, parameters: SessionParameters): ClientConfig {
  const options = Object.entries(parameters).map(([name, value]) => `-c ${name}=${escapeOption(String(value))}`)
  if (!('connectionString' in connection)) return { ...connection, ssl: false, options: options.join(' ') }
  const { rest, option } = takeOptions(connection.connectionString)
  return { connectionString: rest, options: [option, ...options].filter(Boolean).join(' ') }
}

/** Tells a schema name that is safe to stand anywhere in SQL, and that PostgreSQL does not keep for itself. */
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

// In `options` a blank separates arguments; a backslash makes it, and itself, plain.
function escapeOption(value: string): string {
  return value.replace(/[\\ ]/g, '\\$&')
}

// `pg` lets the URL's `options` replace those beside it: then the search_path would be lost in silence.
function takeOptions(url: string): { rest: string; option: string } {
  const mark = url.indexOf('?')
  if (mark === -1) return { rest: url, option: '' }
  const query = new URLSearchParams(url.slice(mark + 1))
  const option = query.get('options') ?? ''
  query.delete('options')
  return { rest: query.size === 0 ? url.slice(0, mark) : `${url.slice(0, mark)}?${query}`, option }
}
