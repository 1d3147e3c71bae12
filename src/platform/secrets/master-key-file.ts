import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { link, mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** There is no master key, or it cannot open the sealed secrets. */
export class MasterKeyError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MasterKeyError'
  }
}

/** The path of the master key file, which is used if SIGNET_MASTER_KEY is not set. */
export function masterKeyFile({ keysDir }: { readonly keysDir: string }): string {
  return join(keysDir, 'master.key')
}

/** The path of the previous key, which is kept while something may be sealed with it. */
export function previousKeyFile(file: string): string {
  return `${file}.previous`
}

/**
 * Reads the current key and the previous one, if there is one. Returns an empty array if there is no file.
 *
 * @throws MasterKeyError if other users can read a file, or it does not contain a key
 */
export function readKeyFiles(file: string): Buffer[] {
  const current = readKeyFile(file)
  if (!current) return []
  const previous = readKeyFile(previousKeyFile(file))
  return previous ? [current, previous] : [current]
}

/** Creates the file, unless another process was first: then its file is kept. */
export async function createKeyFile(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = await writeTemporary(file)
  try {
    await link(temporary, file)
    await syncFolder(file)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  } finally {
    await unlink(temporary)
  }
}

/**
 * The first step to a new master key: stores the current key as the previous one, too. Idempotent.
 *
 * @throws MasterKeyError if there is no key, or a different previous key still exists
 */
export async function keepPreviousKey(file: string): Promise<void> {
  const [current] = readKeyFiles(file)
  if (!current) throw new MasterKeyError(`${file} does not exist, so there is no master key to replace.`)
  try {
    await link(file, previousKeyFile(file))
    await syncFolder(file)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
    if (!readKeyFile(previousKeyFile(file))?.equals(current))
      throw new MasterKeyError(
        `${previousKeyFile(file)} still exists. Finish the previous change of the master key first: signet keys reseal --forget-previous.`,
      )
  }
}

/**
 * Writes a new key to disk, for `activateNewKey`. Nothing reads it yet.
 *
 * @returns the name of its file, which the caller must delete if the key is not activated
 */
export async function prepareNewKey(file: string): Promise<string> {
  return writeTemporary(file)
}

/** The second step: atomically renames the prepared key to the file's name. The previous key opens what was sealed before. */
export async function activateNewKey(file: string, prepared: string): Promise<void> {
  await rename(prepared, file)
  await syncFolder(file)
}

/** The last step: deletes the previous key. Returns false if there was none. */
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
    if ((mode & 0o077) !== 0) throw new MasterKeyError(`${file} can be read by other users. Run chmod 600 on it.`)
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
  if (!/^[A-Za-z0-9_-]{43}$/.test(text))
    throw new MasterKeyError(`${file} does not contain a key (32 bytes, base64url).`)
  return Buffer.from(text, 'base64url')
}

/** Writes a new key to disk, complete, under a name that nothing reads. */
async function writeTemporary(file: string): Promise<string> {
  const temporary = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(`${randomBytes(32).toString('base64url')}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return temporary
}

/** Flushes the folder of a file. A new name survives a power failure only once the folder is on disk, and the database will depend on it. */
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
