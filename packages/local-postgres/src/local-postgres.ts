import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureCluster } from './cluster.ts'
import { chooseHome } from './home.ts'
import { inWords, LocalPostgresError, type Log, useYourOwn } from './operator-messages.ts'
import { findPostgresqlPackage, prepareRuntime } from './runtime.ts'
import { acquireServer } from './shared-server.ts'
import { openSocketFolder } from './socket-folder.ts'

export { LocalPostgresError } from './operator-messages.ts'

export interface LocalPostgresOptions {
  /** An absolute path. The folder holds the database, its credentials and PostgreSQL's programs. */
  readonly dataDir: string
  /** Whether root may start the server, which then runs as `nobody`. Suitable for trying Signet out, but not for production. */
  readonly allowRoot: boolean
  readonly log: Log
  /** Additional server parameters (`fsync: 'off'`), used if this process starts the server. Only for tests; there is no setting for it. */
  readonly testParameters?: Readonly<Record<string, string>>
}

export interface LocalPostgres {
  /** Connection options for `pg`. They stay valid if the server dies and is restarted. */
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly password: string
    readonly database: string
  }
  /** PostgreSQL's data folder. */
  readonly data: string
  /** Leaves the server; call it after closing all connections. The last process to leave stops the server. Never throws; idempotent. */
  leave(): Promise<void>
}

/**
 * Whether `dataDir` contains a database. Read-only, unlike `joinLocalPostgres`, which would create one.
 *
 * @throws {LocalPostgresError} if this user may not read the folder
 */
export async function hasLocalPostgres(dataDir: string): Promise<boolean> {
  try {
    // It may be a link, and a broken link counts as no database (see home.ts).
    await stat(join(dataDir, 'postgresql', 'data', 'PG_VERSION'))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw inWords(error, dataDir)
  }
}

/**
 * Joins the PostgreSQL server in `dataDir`: installs the programs, creates the cluster and starts the server, unless this has already been
 * done. Any number of processes can use one server at the same time; it runs for as long as at least one does.
 *
 * @throws {LocalPostgresError} with a message for the operator
 */
export async function joinLocalPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  const { dataDir, log, testParameters = {} } = options
  if (process.platform === 'win32')
    throw new LocalPostgresError(`The embedded PostgreSQL needs Linux or macOS. On Windows ${useYourOwn}, or use WSL.`)
  const source = findPostgresqlPackage()
  try {
    const home = await chooseHome(options, log)
    const runtime = await prepareRuntime(home.base, source)
    const cluster = await ensureCluster(home, runtime, source)
    const socket = await openSocketFolder(cluster.run)
    const server = { cluster, runtime, runAs: home.runAs, parameters: testParameters }
    const use = await acquireServer(server, socket.path, log).catch(async (error: unknown) => {
      await socket.close()
      throw error
    })
    return {
      connection: {
        ...{ host: socket.path, port: 5432, database: 'signet' },
        ...{ user: 'signet', password: cluster.credentials.applicationPassword },
      },
      data: cluster.data,
      leave: async () => {
        await use.release()
        await socket.close()
      },
    }
  } catch (error) {
    throw inWords(error, dataDir)
  }
}
