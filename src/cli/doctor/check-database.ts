import type { Settings } from '../../platform/config/settings.ts'
import type { DatabaseConnection } from '../../platform/database/hosts.ts'
import { MigrationError, pendingMigrations } from '../../platform/database/migrations.ts'
import type { Probed, Route } from '../../platform/database/pooler.ts'
import { isLoopback } from '../../platform/network-address.ts'
import type { DatabaseFacts } from './doctor-store.ts'
import { bad, type Finding, good, skipped, warning } from './finding.ts'
import { reasonOf } from './reason.ts'

/** Connections that a node uses in addition to its pool, which its processes share: one listens for changed clients, one migrates at the start. */
const connectionsOutsidePool = 2

/** How this process reaches the database. */
export interface DatabasePath {
  readonly route: Pick<Route, 'hasPooler' | 'session'>
  /** Whether the connection of this process, to PostgreSQL or a pooler, is local or encrypted. */
  readonly isPrivate: boolean
}

/** Compares the properties of the database with what Signet needs. */
export function judgeDatabase(
  facts: DatabaseFacts,
  { databasePool, databaseSchema }: Pick<Settings, 'databasePool' | 'databaseSchema'>,
  { route, isPrivate }: DatabasePath,
): Finding[] {
  return [
    judgeServer(facts, databaseSchema),
    facts.isSuperuser
      ? warning(
          'database-role',
          'Signet connects as a superuser: anyone who gets hold of the connection controls the whole server.',
          'Create a role that owns only one database: CREATE ROLE signet LOGIN; CREATE DATABASE signet OWNER signet;',
        )
      : good('database-role', 'The role is not a superuser.'),
    facts.encoding === 'UTF8'
      ? good('database-encoding', 'UTF8.')
      : bad(
          'database-encoding',
          `The encoding of the database is ${facts.encoding}: names that it cannot represent are refused.`,
          'Move to a database that was created with ENCODING UTF8 (pg_dump, and psql into the new one).',
        ),
    judgeDurability(facts),
    route.session === 'shared'
      ? skipped('database-connections', 'The connection pooler decides how many connections to PostgreSQL there are.')
      : judgeConnections(facts.connections, databasePool + connectionsOutsidePool),
    judgeEncryption(facts, { route, isPrivate }),
  ]
}

function judgeEncryption({ isEncrypted, clientAddress }: DatabaseFacts, { route, isPrivate }: DatabasePath): Finding {
  // PostgreSQL knows its own connection only, which comes from the pooler if there is one.
  const isLastPrivate = isEncrypted || clientAddress === null || isLoopback(clientAddress)
  if (isPrivate && isLastPrivate)
    return good('database-encryption', 'The connection to the database is local or encrypted.')
  if (!isPrivate || !route.hasPooler)
    return warning(
      'database-encryption',
      'The connection to the database crosses a network without encryption.',
      'Add ?sslmode=verify-full to SIGNET_DATABASE_URL, with &sslrootcert=<file> if the certificate authority is your own.',
    )
  return warning(
    'database-encryption',
    'The connection from the pooler to PostgreSQL crosses a network without encryption.',
    'Make the pooler use TLS (PgBouncer: server_tls_sslmode = verify-full, with server_tls_ca_file).',
  )
}

function judgeServer(facts: DatabaseFacts, schema: string): Finding {
  const { version } = facts
  if (facts.versionNumber < 150_000)
    return bad('database', `It is PostgreSQL ${version}.`, 'Signet needs PostgreSQL 15 or later: upgrade it.')
  if (facts.isReadOnly)
    return bad(
      'database',
      `PostgreSQL ${version} responds but is read-only: it is a standby, or was set to read-only.`,
      'Point SIGNET_DATABASE_URL to the primary (with several hosts: target_session_attrs=read-write).',
    )
  if (!facts.hasSchema && !facts.mayCreateSchema)
    return bad(
      'database',
      `PostgreSQL ${version} responds, but there is no schema ${schema}, and the role may not create it.`,
      `Ask an administrator to run: CREATE SCHEMA ${schema} AUTHORIZATION <the role of SIGNET_DATABASE_URL>;`,
    )
  if (!facts.hasTables)
    return bad(
      'database',
      `PostgreSQL ${version} responds, but there is no installation in the schema ${schema}: it has none of Signet's tables.`,
      "Set SIGNET_DATABASE_URL and SIGNET_DATABASE_SCHEMA as for the server; 'signet serve' creates an installation.",
    )
  return good('database', `PostgreSQL ${version} responds and has the schema ${schema}.`)
}

function judgeDurability({ fsync, fullPageWrites, synchronousCommit }: DatabaseFacts): Finding {
  const off = Object.entries({ fsync, full_page_writes: fullPageWrites, synchronous_commit: synchronousCommit })
    .filter(([, value]) => value === 'off')
    .map(([name]) => name)
  return off.length === 0
    ? good('database-durability', 'Acknowledged changes survive a power failure.')
    : warning(
        'database-durability',
        `${off.join(', ')}: off. A crash can lose acknowledged changes, such as a revocation or the use of a code.`,
        'Turn it on in postgresql.conf, and for the role and the database (ALTER ROLE ... RESET ...).',
      )
}

const raise =
  'Raise max_connections of the server or the connection limit of the role or the database, or lower SIGNET_DATABASE_POOL.'

function judgeConnections(available: number, needed: number): Finding {
  const counts = `The database allows ${available} connections; one Signet node uses up to ${needed}`
  if (needed > available) return bad('database-connections', `${counts}.`, raise)
  if (2 * needed > available)
    return warning('database-connections', `${counts}. There is no room for two, as during an upgrade.`, raise)
  return good('database-connections', `${counts}.`)
}

/** What is between Signet and PostgreSQL. A pooler that Signet cannot work with is not judged here, because the probe refuses it. */
export function judgePooler({ route, advice }: Probed): Finding {
  const [first] = advice
  if (first) return warning('database-pooler', first.finding, first.advice)
  if (!route.hasPooler) return good('database-pooler', 'There is no connection pooler.')
  if (route.session === 'own')
    return good(
      'database-pooler',
      'A connection pooler in session mode: each connection of Signet has its own connection to PostgreSQL.',
    )
  return good(
    'database-pooler',
    'A connection pooler in transaction mode, and the role has the settings for it. PostgreSQL cannot notify nodes through it, ' +
      'so nodes read clients for each request, and keys three times within SIGNET_KEY_LEASE.',
  )
}

/**
 * Whether the schema is the one of this release.
 *
 * @throws errors of the database
 */
export async function checkMigrations(connection: DatabaseConnection, schema: string): Promise<Finding> {
  try {
    const pending = await pendingMigrations({ connection, schema })
    return pending.length === 0
      ? good('migrations', 'The schema is the one that this release needs.')
      : warning(
          'migrations',
          `Not applied yet: ${pending.join(', ')}.`,
          "The next start of the server applies them, as does 'signet migrate'.",
        )
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error
    return bad('migrations', reasonOf(error), 'Run the release that last used the database, or a newer one.')
  }
}

/** A schema belongs to one issuer permanently, because issued tokens contain it. */
export function judgeIssuer(
  recorded: string | undefined,
  { issuer, databaseSchema }: Pick<Settings, 'issuer' | 'databaseSchema'>,
): Finding {
  if (recorded === undefined) return skipped('issuer-on-record', 'There is none yet: no server has been started.')
  return recorded === issuer
    ? good('issuer-on-record', `The database belongs to ${issuer}.`)
    : bad(
        'issuer-on-record',
        `The database belongs to ${recorded}, but SIGNET_ISSUER is ${issuer}: no server will start.`,
        `Change SIGNET_ISSUER back, or use another schema for the new issuer (SIGNET_DATABASE_SCHEMA is ${databaseSchema}).`,
      )
}
