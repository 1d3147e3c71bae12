import type { Settings } from '../../platform/config/settings.ts'
import type { DatabaseConnection } from '../../platform/database/hosts.ts'
import { MigrationError, pendingMigrations } from '../../platform/database/migrations.ts'
import type { Probed, Route } from '../../platform/database/pooler.ts'
import { isLoopback } from '../../platform/network-address.ts'
import type { DatabaseFacts } from './doctor-store.ts'
import { bad, type Finding, good, skipped, warning } from './finding.ts'
import { reasonOf } from './reason.ts'

/** What a server keeps beside its pool: it listens for changed clients, and migrates at the start. */
const besidePool = 2

/** How this process reaches the database. */
export interface Way {
  readonly route: Pick<Route, 'hasPooler' | 'session'>
  /** Whether nobody can read along between this process and what it is connected to: PostgreSQL or a pooler. */
  readonly isPrivate: boolean
}

/** What the database says about itself, compared with what Signet needs. */
export function judgeDatabase(
  facts: DatabaseFacts,
  { databasePool, databaseSchema }: Pick<Settings, 'databasePool' | 'databaseSchema'>,
  { route, isPrivate }: Way,
): Finding[] {
  return [
    judgeServer(facts, databaseSchema),
    facts.isSuperuser
      ? warning(
          'database-role',
          'Signet connects as a superuser: whoever gets hold of the connection has the whole server.',
          'Make a role that owns a database and nothing else: CREATE ROLE signet LOGIN; CREATE DATABASE signet OWNER signet;',
        )
      : good('database-role', 'The role is no superuser.'),
    facts.encoding === 'UTF8'
      ? good('database-encoding', 'UTF8.')
      : bad(
          'database-encoding',
          `The database is encoded in ${facts.encoding}: names that it cannot write are refused.`,
          'Move to a database that was made with ENCODING UTF8 (pg_dump, and psql into the new one).',
        ),
    judgeDurability(facts),
    route.session === 'shared'
      ? skipped('database-connections', 'The connection pooler decides how many connections to PostgreSQL there are.')
      : judgeConnections(facts.connections, databasePool + besidePool),
    judgeEncryption(facts, { route, isPrivate }),
  ]
}

function judgeEncryption({ isEncrypted, clientAddress }: DatabaseFacts, { route, isPrivate }: Way): Finding {
  // PostgreSQL knows the last stretch only, which begins at the pooler if there is one.
  const isLastPrivate = isEncrypted || clientAddress === null || isLoopback(clientAddress)
  if (isPrivate && isLastPrivate)
    return good('database-encryption', 'Nobody between here and the database can read along.')
  if (!isPrivate || !route.hasPooler)
    return warning(
      'database-encryption',
      'The connection to the database crosses a network in clear.',
      'Add ?sslmode=verify-full to SIGNET_DATABASE_URL, with &sslrootcert=<file> where the authority is your own.',
    )
  return warning(
    'database-encryption',
    'The connection from the pooler to PostgreSQL crosses a network in clear.',
    'Let the pooler use TLS (PgBouncer: server_tls_sslmode = verify-full, with server_tls_ca_file).',
  )
}

function judgeServer(facts: DatabaseFacts, schema: string): Finding {
  const { version } = facts
  if (facts.versionNumber < 150_000)
    return bad('database', `It is PostgreSQL ${version}.`, 'Signet needs PostgreSQL 15 or later: upgrade it.')
  if (facts.isReadOnly)
    return bad(
      'database',
      `PostgreSQL ${version} answers, and takes no changes: it is a standby, or was made read-only.`,
      'Let SIGNET_DATABASE_URL lead to the primary (with several hosts: target_session_attrs=read-write).',
    )
  if (!facts.hasSchema && !facts.mayCreateSchema)
    return bad(
      'database',
      `PostgreSQL ${version} answers, but there is no schema ${schema}, and the role may not create it.`,
      `Let an administrator say: CREATE SCHEMA ${schema} AUTHORIZATION <the role of SIGNET_DATABASE_URL>;`,
    )
  if (!facts.hasTables)
    return bad(
      'database',
      `PostgreSQL ${version} answers, but there is no installation in the schema ${schema}: it has none of Signet's tables.`,
      "Set SIGNET_DATABASE_URL and SIGNET_DATABASE_SCHEMA as for the server; 'signet serve' creates an installation.",
    )
  return good('database', `PostgreSQL ${version} answers, and has the schema ${schema}.`)
}

function judgeDurability({ fsync, fullPageWrites, synchronousCommit }: DatabaseFacts): Finding {
  const off = Object.entries({ fsync, full_page_writes: fullPageWrites, synchronous_commit: synchronousCommit })
    .filter(([, value]) => value === 'off')
    .map(([name]) => name)
  return off.length === 0
    ? good('database-durability', 'What was acknowledged survives a power cut.')
    : warning(
        'database-durability',
        `${off.join(', ')}: off. After a crash a change that was acknowledged can be lost, such as a revocation or a spent code.`,
        'Switch on again in postgresql.conf, and for the role and the database (ALTER ROLE ... RESET ...).',
      )
}

const raise =
  'Raise max_connections of the server, or the connection limit of the role or the database, or lower SIGNET_DATABASE_POOL.'

function judgeConnections(available: number, needed: number): Finding {
  const counts = `The database takes ${available} connections; one process of Signet uses up to ${needed}`
  if (needed > available) return bad('database-connections', `${counts}.`, raise)
  if (2 * needed > available)
    return warning(
      'database-connections',
      `${counts}: two do not fit, as while a new one takes over from an old one.`,
      raise,
    )
  return good('database-connections', `${counts}.`)
}

/** What is between Signet and PostgreSQL. A pooler that Signet cannot work through is not judged here: the probe refuses it. */
export function judgePooler({ route, advice }: Probed): Finding {
  const [first] = advice
  if (first) return warning('database-pooler', first.finding, first.advice)
  if (!route.hasPooler) return good('database-pooler', 'There is no connection pooler in between.')
  if (route.session === 'own')
    return good(
      'database-pooler',
      'A connection pooler in session mode: each connection of Signet takes one of its own.',
    )
  return good(
    'database-pooler',
    'A connection pooler in transaction mode, and the role is set up for it. PostgreSQL cannot notify nodes through it, ' +
      'so they read clients for each request, and keys three times within SIGNET_KEY_LEASE.',
  )
}

/**
 * How the schema stands to this release.
 *
 * @throws what the database says
 */
export async function checkMigrations(connection: DatabaseConnection, schema: string): Promise<Finding> {
  try {
    const pending = await pendingMigrations({ connection, schema })
    return pending.length === 0
      ? good('migrations', 'The schema has the shape that this release needs.')
      : warning(
          'migrations',
          `Not applied yet: ${pending.join(', ')}.`,
          "The next start applies them; so does 'signet migrate'.",
        )
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error
    return bad('migrations', reasonOf(error), 'Run the release that the database was last used with, or a newer one.')
  }
}

/** One issuer a schema, for ever: tokens in the world name it. */
export function judgeIssuer(
  recorded: string | undefined,
  { issuer, databaseSchema }: Pick<Settings, 'issuer' | 'databaseSchema'>,
): Finding {
  if (recorded === undefined) return skipped('issuer-on-record', 'There is none yet: nothing was started.')
  return recorded === issuer
    ? good('issuer-on-record', `The database belongs to ${issuer}.`)
    : bad(
        'issuer-on-record',
        `The database belongs to ${recorded}, and SIGNET_ISSUER is ${issuer}: no start will take place.`,
        `Set SIGNET_ISSUER back, or give the other issuer a schema of its own (SIGNET_DATABASE_SCHEMA is ${databaseSchema}).`,
      )
}
