import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureCluster } from './cluster.ts'
import { chooseHome } from './home.ts'
import { inWords, LocalPostgresError, type Log, useYourOwn } from './operator-messages.ts'
import { findPostgresqlPackage, prepareRuntime } from './runtime.ts'
import { takeShare } from './shared-server.ts'
import { openSocketFolder } from './socket-folder.ts'

export { LocalPostgresError } from './operator-messages.ts'

export interface LocalPostgresOptions {
  /** Absolute. The database, its credentials and PostgreSQL's programs go into it. */
  readonly dataDir: string
  /** Whether root may start it; the server then runs as `nobody`. Fit for trying Signet out, not for serving others. */
  readonly allowRoot: boolean
  readonly log: Log
  /** Server parameters beside ours (`fsync: 'off'`), if it is we who start the server. For tests; no setting leads here. */
  readonly testParameters?: Readonly<Record<string, string>>
}

export interface LocalPostgres {
  /** Connection options of `pg`. They stay good when the server dies and is started again. */
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly password: string
    readonly database: string
  }
  /** PostgreSQL's data folder. */
  readonly data: string
  /** Ends the use, after the last connection has ended. The last process to leave stops the server. Throws nothing; again does nothing. */
  leave(): Promise<void>
}

/**
 * Whether `dataDir` holds a database. Only looks; `joinLocalPostgres` would create one.
 *
 * @throws {LocalPostgresError} if this user may not look
 */
export async function hasLocalPostgres(dataDir: string): Promise<boolean> {
  try {
    // A link can lead to it, and a link that leads nowhere counts as none (see home.ts).
    await stat(join(dataDir, 'postgresql', 'data', 'PG_VERSION'))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw inWords(error, dataDir)
  }
}

/**
 * Joins the PostgreSQL server in `dataDir`: installs the programs, creates the cluster and starts the server, each only where that has not
 * been done yet. Any number of processes use one server at the same time; it is kept running while at least one does.
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
    const share = await takeShare(server, socket.path, log).catch(async (error: unknown) => {
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
        await share.giveBack()
        await socket.close()
      },
    }
  } catch (error) {
    throw inWords(error, dataDir)
  }
}
