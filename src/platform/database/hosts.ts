import type { ClientConfig } from 'pg'

/** How to connect to the database: the operator's URL, or the parts of a connection to the embedded PostgreSQL. */
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
 * The configuration for `pg`.
 *
 * For the embedded database, port, `ssl` and `options` are given explicitly, because `pg` would otherwise use PGPORT, PGSSLMODE and
 * PGOPTIONS from the environment, which refer to another server. (An empty text would count as not given.)
 */
export function clientConfig(connection: DatabaseConnection): ClientConfig {
  return 'connectionString' in connection ? { ...connection } : { ...connection, ssl: false, options: ' ' }
}

/** Whether `schema` has only lower-case letters, digits and _, and is not a schema name that PostgreSQL reserves. */
export function isSchemaName(schema: string): boolean {
  return /^[a-z_][a-z0-9_]{0,62}$/.test(schema) && !schema.startsWith('pg_') && schema !== 'information_schema'
}

/** @throws TypeError unless `schema` is a schema name */
export function assertSchemaName(schema: string): void {
  if (!isSchemaName(schema))
    throw new TypeError(
      `${JSON.stringify(schema)} is not a valid schema name: a name has up to 63 lower-case letters, digits and _, ` +
        'and does not start with a digit or pg_.',
    )
}

/** The hosts of a database. They are tried in this order, starting with the last one that worked. */
export interface Hosts {
  readonly configs: readonly ClientConfig[]
  /** Index of the host that last accepted writes. Shared by all connections, so that a new primary has to be found only once. */
  preferred: number
}

/** @throws TypeError if the URL is not valid; see `databaseUrlFault` */
export function hostsOf(connection: DatabaseConnection): Hosts {
  if (!('connectionString' in connection)) return { configs: [clientConfig(connection)], preferred: 0 }
  const fault = databaseUrlFault(connection.connectionString)
  if (fault !== undefined) throw new TypeError(`The URL of the database is not valid: ${fault}.`)
  const configs = splitHosts(connection.connectionString).map((connectionString) => clientConfig({ connectionString }))
  return { configs, preferred: 0 }
}

/**
 * Says what is wrong with a database URL. Never repeats the URL, which contains a password.
 *
 * Several hosts are written as for libpq: `postgres://user:password@host1:5432,host2:5433/database`. Signet always uses the one that accepts
 * writes, so the only meaningful values of libpq's `target_session_attrs` are those that request it.
 */
export function databaseUrlFault(url: string): string | undefined {
  if (!/^postgres(?:ql)?:\/\/./.test(url)) return 'it must start with postgres://'
  const hosts = splitHosts(url)
  for (const host of hosts) if (!URL.canParse(host)) return 'it is not a valid URL'
  const query = queryOf(url)
  const wanted = query.get('target_session_attrs')
  if (wanted !== null && wanted !== 'read-write' && wanted !== 'primary')
    return 'target_session_attrs can only be read-write or primary, because Signet needs a server that accepts writes'
  const listed = [query.get('host'), query.get('port')].some((value) => value?.includes(','))
  if (listed || (hosts.length > 1 && (query.has('host') || query.has('port'))))
    return 'several hosts must be written before the path, each with its port: host1:5432,host2:5432'
  if (hosts.length > 1 && hosts.some((host) => new URL(host).hostname === '')) return 'a host is missing between commas'
  return undefined
}

/** A database URL that can be shown: user, hosts and database, without the password and the query. */
export function withoutPassword(url: string): string {
  const [, scheme = '', authority = '', path = ''] = /^([^/]*\/\/)([^/?#]*)([^?#]*)/.exec(url) ?? []
  const at = authority.lastIndexOf('@')
  const user = at === -1 ? '' : `${authority.slice(0, at).split(':', 1)[0]}@`
  return `${scheme}${user}${authority.slice(at + 1)}${path}`
}

/** Returns one URL per host. The hosts are between the user and the path, separated by commas. */
function splitHosts(url: string): string[] {
  const [, scheme = '', authority = '', rest = ''] = /^([^/]*\/\/)([^/?#]*)(.*)$/s.exec(url) ?? []
  // The last @, as in a URL parser: a password may contain an @.
  const at = authority.lastIndexOf('@') + 1
  return authority
    .slice(at)
    .split(',')
    .map((host) => `${scheme}${authority.slice(0, at)}${host}${rest}`)
}

function queryOf(url: string): URLSearchParams {
  const mark = url.indexOf('?')
  return new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1).split('#')[0])
}
