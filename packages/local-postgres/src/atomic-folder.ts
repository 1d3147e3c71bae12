import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Makes a folder that is either there with everything in it, or not there at all. It is filled under a temporary name beside its place
 * and then renamed: if this process is killed at any moment, no half-made folder has the name, and no lock is left behind. Where several
 * processes make it at once, the first rename wins and the others delete their own.
 *
 * @param parent an existing folder
 * @param name what the finished folder is called in it
 * @param make fills the empty folder (mode 0700) that it is handed
 */
export async function makeFolderAtomically(
  parent: string,
  name: string,
  make: (folder: string) => Promise<void>,
): Promise<void> {
  await removeLeftovers(parent, name)
  const begun = Date.now().toString(36).padStart(9, '0')
  const mine = `${prefixOf(name)}${begun}-${process.pid}-${randomBytes(6).toString('hex')}`
  const folder = join(parent, mine)
  await mkdir(folder, { mode: 0o700 })
  try {
    if (await othersAreFaster(parent, name, mine)) return
    await make(folder)
    await rename(folder, join(parent, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    await syncFolder(parent)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Waits until the entries of a folder are on the disk, so that a rename in it outlives a power cut. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

// Not a lock: it only saves eight processes the same second of work. Whoever has begun later waits a little for the one before, and then
// does the work anyway.
async function othersAreFaster(parent: string, name: string, mine: string): Promise<boolean> {
  const patience = performance.now() + 4_000
  for (;;) {
    const entries = await readdir(parent)
    if (entries.includes(name)) return true
    const before = entries.some(
      (entry) => begunAt(entry, name) !== undefined && entry < mine && makerLives(entry, name),
    )
    if (!before || performance.now() > patience) return false
    await pause(10)
  }
}

// In another container the number means another process, or none. Then we wait in vain or not at all, and neither does harm.
function makerLives(entry: string, name: string): boolean {
  const pid = Number(entry.slice(prefixOf(name).length).split('-')[1])
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // alive, and another user's
  }
}

// What a killed process has left, once it is so old that nobody can be filling it any more.
async function removeLeftovers(parent: string, name: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    const begun = begunAt(entry, name)
    if (begun === undefined || begun > Date.now() - 600_000) continue
    // Perhaps it is another user's, who can remove it.
    await rm(join(parent, entry), { recursive: true, force: true }).catch(() => {})
  }
}

function begunAt(entry: string, name: string): number | undefined {
  const prefix = prefixOf(name)
  return entry.startsWith(prefix) ? Number.parseInt(entry.slice(prefix.length), 36) : undefined
}

function prefixOf(name: string): string {
  return `${name}.making-`
}
