import { createHash } from 'node:crypto'
import { chmod, mkdir, readlink, realpath, stat, symlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { LocalPostgresError, type Log, useYourOwn } from './operator-messages.ts'

/** The account that a server runs as. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** The folder of the embedded PostgreSQL, and the account that it runs as. */
export interface Home {
  /** Contains postgresql/ (the cluster and its files) and postgresql-runtime-<version>/. */
  readonly base: string
  /** Undefined: the user of this process. */
  readonly runAs: Account | undefined
}

/**
 * Chooses the folder and the account. For an ordinary user these are `dataDir` and the user itself.
 *
 * PostgreSQL refuses to run as root, and a container or a new machine often has no other user. Then the server runs as `nobody`: no account
 * has to be created, and the server cannot change anything in the folder except the cluster. If `nobody` cannot reach `dataDir` (a home
 * folder that is closed to others), the database is created below /var/lib/signet, and `dataDir` contains a link to it. The link also
 * leads to it after `dataDir` is moved.
 *
 * @param allowRoot whether root may start the server
 * @throws LocalPostgresError
 */
export async function chooseHome(
  { dataDir, allowRoot }: { dataDir: string; allowRoot: boolean },
  log: Log,
): Promise<Home> {
  const weAreRoot = process.getuid?.() === 0
  if (weAreRoot && !allowRoot)
    throw new LocalPostgresError(
      `When Signet runs as root, the embedded PostgreSQL can be used only with a loopback issuer. Run Signet as an ordinary user, or ${useYourOwn}.`,
    )
  await makeFolder(dataDir, weAreRoot ? 0o711 : 0o700)
  const folder = await realpath(dataDir)
  const linked = await linkTarget(join(folder, 'postgresql'))
  const base = linked ? dirname(linked) : folder
  if (!weAreRoot) return { base, runAs: undefined }

  const cluster = await stat(join(base, 'postgresql', 'data')).catch(() => undefined)
  // PostgreSQL runs only as the owner of its data. So root can safely share the server of an ordinary user.
  if (cluster && cluster.uid !== 0) return { base, runAs: { uid: cluster.uid, gid: cluster.gid } }
  if (process.platform !== 'linux')
    throw new LocalPostgresError(
      `When Signet runs as root, the embedded PostgreSQL works only on Linux. Run Signet as an ordinary user, or ${useYourOwn}.`,
    )
  if (linked) await makeFolder(base, 0o711)
  if (linked || (await isReachableByOthers(folder))) return { base, runAs: nobody }

  const elsewhere = join('/var/lib/signet', createHash('sha256').update(folder).digest('hex').slice(0, 16))
  await makeFolder(elsewhere, 0o711)
  await symlink(join(elsewhere, 'postgresql'), join(folder, 'postgresql')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error // EEXIST: another process has just created the same link
  })
  log.info(
    { folder: elsewhere, dataDir },
    `PostgreSQL does not run as root, and other accounts cannot reach ${dataDir}: the database is in ${elsewhere}.`,
  )
  return { base: elsewhere, runAs: nobody }
}

const nobody: Account = { uid: 65534, gid: 65534 }

/** Creates a folder and its missing parents with this mode, regardless of the umask. Existing folders are not changed. */
async function makeFolder(folder: string, mode: number): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode })
  if (first === undefined) return
  for (let made = resolve(folder); made.length >= first.length; made = dirname(made)) await chmod(made, mode)
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return resolve(dirname(path), await readlink(path))
  } catch {
    return undefined // it does not exist, or is not a link
  }
}

// Whether other accounts can reach the data folder. We may open the data folder itself, because its contents have their own modes, but not
// change its parents.
async function isReachableByOthers(dataDir: string): Promise<boolean> {
  for (let above = dirname(dataDir); ; above = dirname(above)) {
    if (((await stat(above)).mode & 0o001) === 0) return false
    if (above === dirname(above)) break
  }
  const { uid, mode } = await stat(dataDir)
  if (mode & 0o001) return true
  if (uid !== 0) return false
  await chmod(dataDir, (mode & 0o7777) | 0o001)
  return true
}
