import type { Settings } from '../config/settings.ts'
import { createKeyFile, MasterKeyError, masterKeyFile, readKeyFiles } from './master-key-file.ts'
import { seal, unseal } from './sealing.ts'

export { MasterKeyError } from './master-key-file.ts'

/** Wraps and unwraps the other secrets, and does nothing else. */
export interface MasterKey {
  wrap(plain: Buffer, associated: string): Buffer
  /** @throws MasterKeyError when neither the master key nor the one before it fits */
  unwrap(sealed: Buffer, associated: string): Buffer
}

type MasterKeySettings = Pick<Settings, 'masterKey' | 'masterKeyPrevious' | 'keysDir'>

/**
 * The master key from the setting or from `master.key` in the keys directory. A new one is made only when the database holds
 * nothing sealed: otherwise a lost file would silently lock away everything that the old key had wrapped. Creating it waits for the
 * disk, so this is no work for a transaction.
 *
 * The file is looked at again before anything is wrapped, and when something does not open: processes that run when the operator
 * gives it a new key go along with it, and seal nothing under the one that is about to be forgotten.
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
        'exist. Put back the key that sealed them, or set SIGNET_KEYS_DIR to the directory that holds it.',
    )
  let keys = [...read(), ...(masterKeyPrevious ? [masterKeyPrevious] : [])]
  const lookAgain = () => {
    const found = ifReadable(read)
    keys = [...found, ...keys.filter((key) => !found.some((other) => other.equals(key)))]
  }
  return {
    wrap: (plain, associated) => {
      lookAgain()
      return seal(keys[0] as Buffer, plain, associated)
    },
    unwrap: (sealed, associated) => {
      const plain = unsealWithAny(keys, sealed, associated)
      if (plain) return plain
      lookAgain()
      return unsealWithAny(keys, sealed, associated) ?? refuse()
    },
  }
}

/**
 * The present master key without the one before it: what it opens will open when that is gone.
 *
 * @throws MasterKeyError when there is none
 */
export function presentMasterKey(settings: MasterKeySettings): Pick<MasterKey, 'unwrap'> {
  const [key] = settings.masterKey ? [settings.masterKey] : readKeyFiles(masterKeyFile(settings))
  if (!key) throw new MasterKeyError('There is no master key.')
  return { unwrap: (sealed, associated) => unseal(key, sealed, associated) ?? refuse() }
}

function unsealWithAny(keys: readonly Buffer[], sealed: Buffer, associated: string): Buffer | undefined {
  for (const key of keys) {
    const plain = unseal(key, sealed, associated)
    if (plain) return plain
  }
  return undefined
}

/** A file that has gone, or that cannot be read any more, takes nothing from a process that runs. */
function ifReadable(read: () => Buffer[]): Buffer[] {
  try {
    return read()
  } catch {
    return []
  }
}

function refuse(): never {
  throw new MasterKeyError(
    'The master key does not open what the database holds. It is another one, or the row was changed. ' +
      'Put back the key that sealed it, in SIGNET_MASTER_KEY or in the keys directory.',
  )
}
