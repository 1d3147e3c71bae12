import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Settings } from '../config/settings.ts'
import { seal, unseal } from './sealing.ts'

/** Wraps and unwraps the other secrets, and does nothing else. */
export interface MasterKey {
  wrap(plain: Buffer, associated: string): Buffer
  /** @throws MasterKeyError when neither the master key nor the one before it fits */
  unwrap(sealed: Buffer, associated: string): Buffer
}

export class MasterKeyError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MasterKeyError'
  }
}

/**
 * The master key from the setting or from `master.key` in the keys directory. A new one is made only when the database holds
 * nothing sealed: otherwise a lost file would silently lock away everything that the old key had wrapped.
 *
 * @param holdsSealed whether the database has anything sealed
 * @throws MasterKeyError
 */
export async function openMasterKey(
  settings: Pick<Settings, 'masterKey' | 'masterKeyPrevious' | 'keysDir'>,
  holdsSealed: boolean,
): Promise<MasterKey> {
  const file = join(settings.keysDir, 'master.key')
  const key = settings.masterKey ?? (await readKeyFile(file)) ?? (holdsSealed ? undefined : await createKeyFile(file))
  if (!key)
    throw new MasterKeyError(
      `The database holds sealed secrets, but there is no master key: SIGNET_MASTER_KEY is not set and ${file} does not ` +
        'exist. Put back the key that sealed them.',
    )
  const keys = settings.masterKeyPrevious ? [key, settings.masterKeyPrevious] : [key]
  return {
    wrap: (plain, associated) => seal(key, plain, associated),
    unwrap: (sealed, associated) => {
      for (const candidate of keys) {
        const plain = unseal(candidate, sealed, associated)
        if (plain) return plain
      }
      throw new MasterKeyError(
        'The master key does not open what the database holds. It is another one, or the row was changed. ' +
          'Put back the key that sealed it, in SIGNET_MASTER_KEY or in the keys directory.',
      )
    },
  }
}

async function readKeyFile(file: string): Promise<Buffer | undefined> {
  let text: string
  try {
    const { mode } = await stat(file)
    if ((mode & 0o077) !== 0) throw new MasterKeyError(`${file} can be read by other users: chmod 600 it.`)
    text = (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) throw new MasterKeyError(`${file} does not hold a key: 32 bytes, base64url.`)
  return Buffer.from(text, 'base64url')
}

/** Writes the whole file aside, then gives it its name, which fails if another process was first: then theirs counts. */
async function createKeyFile(file: string): Promise<Buffer> {
  await mkdir(join(file, '..'), { recursive: true })
  const aside = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`
  const handle = await open(aside, 'wx', 0o600)
  try {
    await handle.writeFile(`${randomBytes(32).toString('base64url')}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    await link(aside, file)
    await syncFolder(join(file, '..'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(aside)
  }
  return (await readKeyFile(file)) as Buffer
}

/** A new name survives a power cut only once its folder is on disk, and the database is about to depend on it. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
