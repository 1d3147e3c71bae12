import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, copyFile, link, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { makeInPlace } from './making-in-place.ts'
import type { PostgresqlPackage } from './postgresql-package.ts'

/**
 * Takes PostgreSQL's programs out of node_modules, once a version, and tells where they are. For
 *
 * - the account that the server runs as may not be able to reach node_modules;
 * - the links between its libraries are made by an install script, which npm may not run, and we may not be able to;
 * - a running server loads libraries and reads time zones when it needs them, and `npm ci` takes them away under it.
 *
 * @param base an existing folder
 */
export async function prepareRuntime(base: string, source: PostgresqlPackage): Promise<string> {
  const name = `postgresql-runtime-${source.version}`
  const folder = join(base, name)
  if (await isComplete(folder, source)) return folder
  await removeDamaged(base, folder, source)
  await makeInPlace(base, name, async (making) => {
    await copyFolder(source.native, making, 0o644)
    await makeLinks(source.native, making)
  })
  return folder
}

// Cut short by a power cut, perhaps: the name was written, the contents not. It is taken away under another name and looked at
// once more, for somebody may have put a whole one in its place since.
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
  const givenBack =
    (await isComplete(aside, source)) &&
    (await rename(aside, folder).then(
      () => true,
      () => false,
    ))
  if (!givenBack) await rm(aside, { recursive: true, force: true })
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
      if (entry.isFile()) return takeFile(source, target, mode) // links are made from the list
    }),
  )
}

// A second name for the same file costs neither time nor 60 MB, and stays when node_modules goes. Where it cannot be
// had (another file system), or the file is somebody else's or closed to others (a strict umask at `npm ci`), there is
// a copy of our own.
async function takeFile(source: string, target: string, mode: number): Promise<void> {
  const { uid, mode: had } = await stat(source)
  if (uid === process.geteuid?.() && (had & mode) === mode) {
    const linked = await link(source, target).then(
      () => true,
      () => false,
    )
    if (linked) return
  }
  await copyFile(source, target, constants.COPYFILE_FICLONE)
  await chmod(target, mode)
}

// The package lists its links as { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }, for npm packs
// none.
async function makeLinks(native: string, runtime: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8')
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    await symlink(relative(dirname(target), source), join(runtime, relative('native', target)))
  }
}
