import type { ClientConfig } from 'pg'
import { clientConfig, type DatabaseConnection } from './connection.ts'

/** The hosts a database can be at. They are tried in this order, the one that was good last first. */
export interface Hosts {
  readonly configs: readonly ClientConfig[]
  /** Index of the host that accepted writes when it was last connected to. Shared by all that connect, so that one finding a new primary is enough. */
  preferred: number
}

/** @throws TypeError when the URL cannot be used; see `databaseUrlFault` */
export function hostsOf(connection: DatabaseConnection): Hosts {
  if (!('connectionString' in connection)) return { configs: [clientConfig(connection)], preferred: 0 }
  const fault = databaseUrlFault(connection.connectionString)
  if (fault !== undefined) throw new TypeError(`The URL of the database cannot be used: ${fault}.`)
  const configs = splitHosts(connection.connectionString).map((connectionString) => clientConfig({ connectionString }))
  return { configs, preferred: 0 }
}

/**
 * Says what is wrong with a database URL. It never repeats the URL, which holds a password.
 *
 * Several hosts are written as for libpq: `postgres://user:password@host1:5432,host2:5433/database`. Signet always looks for
 * the one that accepts writes, so of libpq's `target_session_attrs` only the values that ask for it make sense.
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
    return 'several hosts are written before the path, each with its port: host1:5432,host2:5432'
  if (hosts.length > 1 && hosts.some((host) => new URL(host).hostname === '')) return 'a host is missing between commas'
  return undefined
}

/** A database URL as it can be shown to people: user, hosts and database, without the password and the query. */
export function withoutPassword(url: string): string {
  const [, scheme = '', authority = '', path = ''] = /^([^/]*\/\/)([^/?#]*)([^?#]*)/.exec(url) ?? []
  const at = authority.lastIndexOf('@')
  const user = at === -1 ? '' : `${authority.slice(0, at).split(':', 1)[0]}@`
  return `${scheme}${user}${authority.slice(at + 1)}${path}`
}

/** One URL for each host: what stands between the user and the path is separated by commas. */
function splitHosts(url: string): string[] {
  const [, scheme = '', authority = '', rest = ''] = /^([^/]*\/\/)([^/?#]*)(.*)$/s.exec(url) ?? []
  // Like a URL parser does: a password may hold an @.
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
