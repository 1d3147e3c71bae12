import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statfsSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../src/platform/config/installation-folder.ts'

const memory = '/dev/shm'
const prefix = 'signet-test-'

/** The test database takes a tenth of it. In a container it may have only 64 MB, which is too little. */
const enough = 2_000_000_000

/**
 * An in-memory folder for this checkout (Linux), where the thousands of files of databases cost a fraction of what they cost on a disk.
 * A link in it leads to the checkout. Folders of deleted checkouts are removed.
 *
 * @returns undefined if there is none
 */
export function memoryFolder(): string | undefined {
  const checkout = realpathSync(packageFolder)
  const folder = join(memory, prefix + createHash('sha256').update(checkout).digest('hex').slice(0, 16))
  try {
    for (const name of readdirSync(memory)) if (name.startsWith(prefix)) removeForgotten(join(memory, name))
    const { bavail, bsize } = statfsSync(memory)
    if (!existsSync(folder) && bavail * bsize < enough) return undefined
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    // Any user can create folders there.
    if (!lstatSync(folder).isDirectory() || lstatSync(folder).uid !== process.getuid?.()) return undefined
    if (!existsSync(join(folder, 'checkout'))) symlinkSync(checkout, join(folder, 'checkout'))
    return folder
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Another process has created the link at the same time.
    return code === 'EEXIST' ? folder : undefined
  }
}

function removeForgotten(folder: string): void {
  try {
    if (!existsSync(readlinkSync(join(folder, 'checkout')))) rmSync(folder, { recursive: true, force: true })
  } catch {
    // It is being created, or belongs to another user.
  }
}
