import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseLog } from '../log.ts'
import { ensureCluster } from './embedded/cluster.ts'
import { EmbeddedDatabaseError, useYourOwn } from './embedded/embedded-database-error.ts'
import { chooseHome } from './embedded/home.ts'
import { takeShare } from './embedded/keeper.ts'
import { findPostgresqlPackage } from './embedded/postgresql-package.ts'
import { prepareRuntime } from './embedded/runtime.ts'
import { openSocketFolder } from './embedded/socket-folder.ts'

export { EmbeddedDatabaseError } from './embedded/embedded-database-error.ts'

export interface EmbeddedDatabaseOptions {
  /** SIGNET_DATA_DIR, absolute. */
  readonly dataDir: string
  readonly issuerIsLoopback: boolean
  readonly log: DatabaseLog
  /** Server parameters beside ours (`fsync: 'off'`), if it is we who start the server. For tests; no setting leads here. */
  readonly testParameters?: Readonly<Record<string, string>>
}

export interface EmbeddedDatabase {
  /** For `createPool` and `migrate`. It stays good when the server dies and is started again. */
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly password: string
    readonly database: string
  }
  /** PostgreSQL's data folder. */
  readonly data: string
  /** Ends the use, after the last pool has ended. Who leaves last stops the server. Throws nothing; again does nothing. */
  leave(): Promise<void>
}

/**
 * Whether `dataDir` holds an embedded database. Only looks; `joinEmbedded` would create one.
 *
 * @throws EmbeddedDatabaseError if this user may not look
 */
export async function hasEmbedded(dataDir: string): Promise<boolean> {
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
 * Joins the PostgreSQL that Signet brings along: installs it in `dataDir`, creates its cluster and starts it, each only
 * where nobody has done so yet. Any number of processes use one server at the same time; while one does, it is kept
 * running.
 *
 * @throws EmbeddedDatabaseError with words for the operator
 */
export async function joinEmbedded(options: EmbeddedDatabaseOptions): Promise<EmbeddedDatabase> {
  const { dataDir, log, testParameters = {} } = options
  if (process.platform === 'win32')
    throw new EmbeddedDatabaseError(
      `The embedded PostgreSQL needs Linux or macOS. On Windows ${useYourOwn}, or use WSL.`,
    )
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

// What the file system says is told with the way out; what is a fault of ours keeps its stack.
function inWords(error: unknown, dataDir: string): unknown {
  const { code, path, message } = error as NodeJS.ErrnoException
  if (error instanceof EmbeddedDatabaseError || typeof code !== 'string' || path === undefined) return error
  const advice =
    code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? 'Run Signet as the user who owns it, or choose another SIGNET_DATA_DIR'
      : 'Choose another SIGNET_DATA_DIR'
  return new EmbeddedDatabaseError(
    `The embedded PostgreSQL cannot use ${dataDir}: ${message}. ${advice}, or ${useYourOwn}.`,
    { cause: error },
  )
}
