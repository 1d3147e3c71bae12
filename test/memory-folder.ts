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

/** The database of the tests takes a tenth of it. A container may have 64 MB there, which is too little. */
const enough = 2_000_000_000

/**
 * A folder for this checkout that is kept in memory (Linux), where the thousands of files that databases consist of cost a fraction of what
 * they cost on a disk. A link in it leads to the checkout. Folders of checkouts that are gone are removed.
 *
 * @returns undefined where there is none
 */
export function memoryFolder(): string | undefined {
  const checkout = realpathSync(packageFolder)
  const folder = join(memory, prefix + createHash('sha256').update(checkout).digest('hex').slice(0, 16))
  try {
    for (const name of readdirSync(memory)) if (name.startsWith(prefix)) removeForgotten(join(memory, name))
    const { bavail, bsize } = statfsSync(memory)
    if (!existsSync(folder) && bavail * bsize < enough) return undefined
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    // Anybody may make folders there.
    if (!lstatSync(folder).isDirectory() || lstatSync(folder).uid !== process.getuid?.()) return undefined
    if (!existsSync(join(folder, 'checkout'))) symlinkSync(checkout, join(folder, 'checkout'))
    return folder
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Another process has made the link at the same moment.
    return code === 'EEXIST' ? folder : undefined
  }
}

function removeForgotten(folder: string): void {
  try {
    if (!existsSync(readlinkSync(join(folder, 'checkout')))) rmSync(folder, { recursive: true, force: true })
  } catch {
    // It is just being made, or somebody else's.
  }
}
