import type { Settings } from '../config/settings.ts'
import { createKeyFile, MasterKeyError, masterKeyFile, readKeyFiles } from './master-key-file.ts'
import { seal, unseal } from './sealing.ts'

export { MasterKeyError } from './master-key-file.ts'

/** Encrypts and decrypts the other secrets, and is used for nothing else. */
export interface MasterKey {
  wrap(plain: Buffer, associated: string): Buffer
  /** @throws MasterKeyError if neither the master key nor the previous one can open it */
  unwrap(sealed: Buffer, associated: string): Buffer
}

type MasterKeySettings = Pick<Settings, 'masterKey' | 'masterKeyPrevious' | 'keysDir'>

/**
 * Opens the master key from the setting, or from `master.key` in the keys directory. A new one is created only if the database holds nothing
 * sealed. Otherwise, after the loss of the file, a new key would silently make everything that the old key sealed inaccessible. Creating a
 * key waits for the disk, so do not call this within a transaction.
 *
 * The file is reread before anything is sealed, and when something cannot be opened. So processes that run while the operator replaces the
 * key switch to the new one, and seal nothing with the one that is about to be deleted.
 *
 * @param holdsSealed whether the database has anything sealed
 * @throws MasterKeyError
 */
export async function openMasterKey(settings: MasterKeySettings, holdsSealed: boolean): Promise<MasterKey> {
  const { masterKey, masterKeyPrevious } = settings
  const file = masterKeyFile(settings)
  const read = () => (masterKey ? [masterKey] : readKeyFiles(file))
  if (read().length === 0 && !holdsSealed) await createKeyFile(file)
  if (read().length === 0)
    throw new MasterKeyError(
      `The database holds sealed secrets, but there is no master key: SIGNET_MASTER_KEY is not set and ${file} does not ` +
        'exist. Restore the key that sealed them, or set SIGNET_KEYS_DIR to the directory that contains it.',
    )
  let keys = [...read(), ...(masterKeyPrevious ? [masterKeyPrevious] : [])]
  const reread = () => {
    const found = ifReadable(read)
    keys = [...found, ...keys.filter((key) => !found.some((other) => other.equals(key)))]
  }
  return {
    wrap: (plain, associated) => {
      reread()
      return seal(keys[0] as Buffer, plain, associated)
    },
    unwrap: (sealed, associated) => {
      const plain = unsealWithAny(keys, sealed, associated)
      if (plain) return plain
      reread()
      return unsealWithAny(keys, sealed, associated) ?? cannotOpen()
    },
  }
}

/**
 * The current master key without the previous one: what it opens can still be opened once the previous key is deleted.
 *
 * @throws MasterKeyError if there is none
 */
export function currentMasterKey(settings: MasterKeySettings): Pick<MasterKey, 'unwrap'> {
  const [key] = settings.masterKey ? [settings.masterKey] : readKeyFiles(masterKeyFile(settings))
  if (!key) throw new MasterKeyError('There is no master key.')
  return { unwrap: (sealed, associated) => unseal(key, sealed, associated) ?? cannotOpen() }
}

function unsealWithAny(keys: readonly Buffer[], sealed: Buffer, associated: string): Buffer | undefined {
  for (const key of keys) {
    const plain = unseal(key, sealed, associated)
    if (plain) return plain
  }
  return undefined
}

/** If the file is gone or can no longer be read, a running process keeps the keys that it has. */
function ifReadable(read: () => Buffer[]): Buffer[] {
  try {
    return read()
  } catch {
    return []
  }
}

function cannotOpen(): never {
  throw new MasterKeyError(
    'The master key cannot open a secret in the database. It is the wrong key, or the row was changed. ' +
      'Restore the key that sealed it, in SIGNET_MASTER_KEY or in the keys directory.',
  )
}
