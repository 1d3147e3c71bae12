import { hasLocalPostgres } from '#local-postgres'
import type { Settings } from './platform/config/settings.ts'
import { queryTimeoutMs, relaxedTimeouts } from './platform/database/connection-setup.ts'
import { hostsOf, withoutPassword } from './platform/database/hosts.ts'
import { readIssuerOnRecord } from './platform/database/installation-store.ts'
import type { SchemaState } from './platform/database/migrations.ts'
import { createPool } from './platform/database/pool.ts'
import { inspectDatabase } from './platform/database/prepare-database.ts'
import type { Log } from './platform/log.ts'
import type { Report } from './platform/progress.ts'
import { createTurns } from './platform/turns.ts'
import { reachDatabase } from './reach-database.ts'
import { createBreachedPasswords } from './records/accounts/breached-passwords.ts'
import { createPasswordHashing } from './records/accounts/password-hashing.ts'
import { createEndingWorker } from './records/endings/ending-worker.ts'
import type { Signet } from './signet.ts'

/** What commands work with: an existing installation, without its keys (see `installation-keys.ts`). */
export type Installation = Pick<
  Signet,
  'settings' | 'database' | 'log' | 'passwords' | 'breachedPasswords' | 'turns' | 'endings'
>

export interface OpenedInstallation {
  readonly installation: Installation
  /** The recorded issuer; undefined before the first start of a server. */
  readonly issuerOnRecord: string | undefined
  close(): Promise<void>
}

/** There is no installation where the settings point, or one that this release cannot use yet. Nothing was changed. */
export class NoInstallation extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'NoInstallation'
  }
}

/**
 * Opens the installation that the settings name. It never creates or migrates anything: if there is no installation, nothing is left
 * behind, and the database does not change until the caller changes it. If the embedded database is not running, it is started.
 *
 * @param options.signal aborts the opening with its reason
 * @param options.report called if starting the embedded database takes long
 * @throws NoInstallation, which says where it looked and what to do; MigrationError for a schema of a newer release; PoolerError;
 *   LocalPostgresError; otherwise what the database reports
 */
export async function openInstallation(
  settings: Settings,
  log: Log,
  { signal, report }: { readonly signal: AbortSignal; readonly report: Report },
): Promise<OpenedInstallation> {
  const { databaseUrl, databaseSchema: schema, databasePreparedStatements: preparedStatements } = settings
  signal.throwIfAborted()
  if (databaseUrl === undefined && !(await hasLocalPostgres(settings.dataDir)))
    throw new NoInstallation(noDatabase(settings))
  const { connection, leave } = await reachDatabase(settings, log, report)
  const undo: (() => unknown)[] = [leave]
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const hosts = hostsOf(connection)
    const { route, state } = await inspectDatabase({ hosts, schema, preparedStatements, queryTimeoutMs, signal })
    if (state.version === 0) throw new NoInstallation(noTables(settings))
    if (state.pending.length > 0) throw new NoInstallation(notMigrated(settings, state))
    const { session, namedStatements } = route
    const database = createPool({
      ...{ connection, hosts, schema, session, namedStatements, log },
      ...{ ...relaxedTimeouts, max: settings.databasePool },
    })
    undo.push(() => database.end())
    const installation = {
      ...{ settings, database, log },
      passwords: createPasswordHashing(),
      breachedPasswords: createBreachedPasswords(settings.breachedPasswordsUrl, log),
      turns: createTurns(),
      endings: createEndingWorker(database, log),
    }
    return { installation, issuerOnRecord: await readIssuerOnRecord(database), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The database that the settings name, for messages; without a password. */
export function databaseInWords({ databaseUrl, dataDir }: Pick<Settings, 'databaseUrl' | 'dataDir'>): string {
  return databaseUrl === undefined ? `the embedded database in ${dataDir}` : withoutPassword(databaseUrl)
}

type Place = Pick<Settings, 'databaseUrl' | 'dataDir' | 'databaseSchema'>

/** The message for a data directory without a database. */
function noDatabase({ dataDir }: Place): string {
  return (
    `There is no Signet installation here: SIGNET_DATABASE_URL is not set, and ${dataDir} contains no embedded database. ` +
    "Set SIGNET_DATABASE_URL or SIGNET_DATA_DIR as for the server, or create an installation with 'signet serve' or 'signet migrate'."
  )
}

/** The message for a schema that is missing or empty. */
function noTables(place: Place): string {
  const setting = place.databaseUrl === undefined ? 'SIGNET_DATA_DIR' : 'SIGNET_DATABASE_URL'
  return (
    `There is no Signet installation in the schema ${place.databaseSchema} of ${databaseInWords(place)}: it does not contain ` +
    `Signet's tables. Set ${setting} and SIGNET_DATABASE_SCHEMA as for the server, or create an installation with 'signet serve' or ` +
    "'signet migrate'."
  )
}

function notMigrated(place: Place, { version, release, pending }: SchemaState): string {
  const state =
    version < release
      ? `has version ${version}, and this release of Signet needs version ${release}`
      : `lacks ${pending.join(' and ')}`
  return (
    `The schema ${place.databaseSchema} of ${databaseInWords(place)} ${state}. Run 'signet migrate', or start the server of this ` +
    'release. Nothing was changed.'
  )
}
