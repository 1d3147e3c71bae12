import { randomBytes } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Writes a mail to a new file, which appears under its name when it is complete. Its links are secrets, so only this user can read it.
 *
 * @returns the path
 */
export async function writeMailFile(folder: string, kind: string, content: Buffer): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // The names sort by time.
  const name = `${new Date().toISOString().replace(/[:.]/g, '-')}-${kind}-${randomBytes(4).toString('hex')}`
  const [draft, file] = [join(folder, `.${name}`), join(folder, `${name}.eml`)]
  await writeFile(draft, content, { mode: 0o600, flag: 'wx' })
  await rename(draft, file)
  return file
}
