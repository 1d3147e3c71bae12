import { createHash } from 'node:crypto'
import { chmod, mkdir, readlink, realpath, stat, symlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { LocalPostgresError, type Log, useYourOwn } from './operator-messages.ts'

/** Whose rights a server has. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** Where the embedded PostgreSQL is, and as whom it runs. */
export interface Home {
  /** Holds postgresql/ (the cluster and what belongs to it) and postgresql-runtime-<version>/. */
  readonly base: string
  /** Absent: as ourselves. */
  readonly runAs: Account | undefined
}

/**
 * Chooses the folder and the account. For an ordinary user that is `dataDir` and this user.
 *
 * PostgreSQL refuses to run as root, and a container or a fresh machine often has no other user. Then the server runs as `nobody`: no
 * account has to be created, and the server can change nothing in the folder but the cluster. Where `nobody` cannot reach `dataDir` (a
 * home closed to others), the database is put below /var/lib/signet and `dataDir` holds a link to it, which also finds it again when
 * `dataDir` is moved.
 *
 * @param allowRoot whether root may start it at all
 * @throws LocalPostgresError
 */
export async function chooseHome(
  { dataDir, allowRoot }: { dataDir: string; allowRoot: boolean },
  log: Log,
): Promise<Home> {
  const weAreRoot = process.getuid?.() === 0
  if (weAreRoot && !allowRoot)
    throw new LocalPostgresError(
      `As root the embedded PostgreSQL serves a loopback issuer only. Run Signet as an ordinary user, or ${useYourOwn}.`,
    )
  await makeFolder(dataDir, weAreRoot ? 0o711 : 0o700)
  const folder = await realpath(dataDir)
  const linked = await linkTarget(join(folder, 'postgresql'))
  const base = linked ? dirname(linked) : folder
  if (!weAreRoot) return { base, runAs: undefined }

  const cluster = await stat(join(base, 'postgresql', 'data')).catch(() => undefined)
  // PostgreSQL runs as the owner of its data or not at all. So root does no harm beside the server of an ordinary user.
  if (cluster && cluster.uid !== 0) return { base, runAs: { uid: cluster.uid, gid: cluster.gid } }
  if (process.platform !== 'linux')
    throw new LocalPostgresError(
      `As root the embedded PostgreSQL runs on Linux only. Be an ordinary user, or ${useYourOwn}.`,
    )
  if (linked) await makeFolder(base, 0o711)
  if (linked || (await othersReach(folder))) return { base, runAs: nobody }

  const elsewhere = join('/var/lib/signet', createHash('sha256').update(folder).digest('hex').slice(0, 16))
  await makeFolder(elsewhere, 0o711)
  await symlink(join(elsewhere, 'postgresql'), join(folder, 'postgresql')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error // otherwise another process has just made the same link
  })
  log.info(
    { folder: elsewhere, dataDir },
    `PostgreSQL does not run as root, and other accounts cannot reach ${dataDir}: the database lies in ${elsewhere}.`,
  )
  return { base: elsewhere, runAs: nobody }
}

const nobody: Account = { uid: 65534, gid: 65534 }

/** Makes a folder and those above it, with this mode whatever the umask. An existing one is left as it is. */
async function makeFolder(folder: string, mode: number): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode })
  if (first === undefined) return
  for (let made = resolve(folder); made.length >= first.length; made = dirname(made)) await chmod(made, mode)
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return resolve(dirname(path), await readlink(path))
  } catch {
    return undefined // not there, or no link
  }
}

// The data folder itself is ours to open, and what is in it has modes of its own. The folders above it are not ours.
async function othersReach(dataDir: string): Promise<boolean> {
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
