import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Creates a folder atomically: it exists either with all its contents or not at all. It is filled under a temporary name in the same parent
 * and then renamed. If this process is killed at any moment, there is no incomplete folder of that name, and no lock is left behind. If
 * several processes create it at the same time, the first rename wins and the others delete theirs.
 *
 * @param parent an existing folder
 * @param name the name of the finished folder
 * @param make fills the empty folder (mode 0700) that it is passed
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
    if (await madeByAnother(parent, name, mine)) return
    await make(folder)
    await rename(folder, join(parent, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    await syncFolder(parent)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Flushes the entries of a folder to disk, so that a rename in it survives a power failure. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

// Not a lock: it only saves several processes from doing the same second of work. A process that started later waits a little for an earlier
// one, and then does the work anyway.
async function madeByAnother(parent: string, name: string, mine: string): Promise<boolean> {
  const deadline = performance.now() + 4_000
  for (;;) {
    const entries = await readdir(parent)
    if (entries.includes(name)) return true
    const isEarlierRunning = entries.some(
      (entry) => begunAt(entry, name) !== undefined && entry < mine && isMakerAlive(entry, name),
    )
    if (!isEarlierRunning || performance.now() > deadline) return false
    await pause(10)
  }
}

// In another container the pid belongs to another process, or to none. Then we wait needlessly or not at all, and neither does harm.
function isMakerAlive(entry: string, name: string): boolean {
  const pid = Number(entry.slice(prefixOf(name).length).split('-')[1])
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // alive, and another user's
  }
}

// Removes what killed processes left, once it is so old that no process can still be filling it.
async function removeLeftovers(parent: string, name: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    const begun = begunAt(entry, name)
    if (begun === undefined || begun > Date.now() - 600_000) continue
    // It may belong to another user, who can remove it.
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
