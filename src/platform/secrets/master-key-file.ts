import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { link, mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** There is no master key that opens what is sealed. */
export class MasterKeyError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MasterKeyError'
  }
}

/** Where the master key lies that no setting gives. */
export function masterKeyFile({ keysDir }: { readonly keysDir: string }): string {
  return join(keysDir, 'master.key')
}

/** The one before it, for as long as something may be sealed under it. */
export function previousKeyFile(file: string): string {
  return `${file}.previous`
}

/**
 * The key of the file and the one before it; none where there is no file.
 *
 * @throws MasterKeyError when others can read them, or they hold no key
 */
export function readKeyFiles(file: string): Buffer[] {
  const present = readKeyFile(file)
  if (!present) return []
  const previous = readKeyFile(previousKeyFile(file))
  return previous ? [present, previous] : [present]
}

/** Makes the file, unless another process is first: then theirs counts. */
export async function createKeyFile(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const aside = await writeAside(file)
  try {
    await link(aside, file)
    await syncFolder(file)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  } finally {
    await unlink(aside)
  }
}

/**
 * The first step to a new master key: the present one is also the one before. Done twice, it is as done once.
 *
 * @throws MasterKeyError when there is no key, or another one before it still
 */
export async function keepPreviousKey(file: string): Promise<void> {
  const [present] = readKeyFiles(file)
  if (!present) throw new MasterKeyError(`There is no ${file} to make a new one of.`)
  try {
    await link(file, previousKeyFile(file))
    await syncFolder(file)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
    if (!readKeyFile(previousKeyFile(file))?.equals(present))
      throw new MasterKeyError(
        `${previousKeyFile(file)} is there still: what was begun has to be finished first, by signet keys reseal --forget-previous.`,
      )
  }
}

/**
 * Writes a new key to disk, for `putNewKey`. Nothing reads it yet.
 *
 * @returns the name of its file, which the caller deletes if it is not put in place
 */
export async function prepareNewKey(file: string): Promise<string> {
  return writeAside(file)
}

/** The second step: the prepared key takes the file's name, in one go. What was sealed is opened by the one before it. */
export async function putNewKey(file: string, prepared: string): Promise<void> {
  await rename(prepared, file)
  await syncFolder(file)
}

/** The last step. False where there was none. */
export async function forgetPreviousKey(file: string): Promise<boolean> {
  try {
    await unlink(previousKeyFile(file))
    await syncFolder(file)
    return true
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false
    throw error
  }
}

function readKeyFile(file: string): Buffer | undefined {
  let text: string
  try {
    const { mode } = statSync(file)
    if ((mode & 0o077) !== 0) throw new MasterKeyError(`${file} can be read by other users: chmod 600 it.`)
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) throw new MasterKeyError(`${file} does not hold a key: 32 bytes, base64url.`)
  return Buffer.from(text, 'base64url')
}

/** A new key, whole and on disk, under a name that nobody reads. */
async function writeAside(file: string): Promise<string> {
  const aside = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`
  const handle = await open(aside, 'wx', 0o600)
  try {
    await handle.writeFile(`${randomBytes(32).toString('base64url')}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return aside
}

/** A new name survives a power cut only once its folder is on disk, and the database is about to depend on it. */
async function syncFolder(file: string): Promise<void> {
  const handle = await open(dirname(file), 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code
}
