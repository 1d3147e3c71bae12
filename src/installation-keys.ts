import { join } from 'node:path'
import type { Installation } from './installation.ts'
import { databaseInWords, NoInstallation } from './installation.ts'
import { type KeyLedger, openKeyLedger } from './key-ring/key-ledger.ts'
import { type KeyRing, openKeyRing } from './key-ring/key-ring.ts'
import { type KeyView, viewKeys } from './key-ring/key-view.ts'
import { type Clock, createClock } from './platform/clock.ts'
import { activationDelay, type Settings } from './platform/config/settings.ts'
import type { LockWait } from './platform/database/locked-transaction.ts'
import { type MasterKey, openMasterKey } from './platform/secrets/master-key.ts'
import { openPurposeSecrets } from './platform/secrets/purpose-secrets.ts'
import { holdsSealed, loadPurposeSecrets } from './platform/secrets/purpose-secrets-store.ts'

/** The keys of an installation, for commands that change something about them. */
export interface InstallationKeys {
  readonly keyRing: KeyRing
  readonly clock: Clock
}

/**
 * Opens the signing keys of an installation in order to change them. Whatever is due is decided first, as by a server. The master key
 * and the first signing keys are never created here: that is for a start.
 *
 * @param wait how to wait while another node decides about keys
 * @throws NoInstallation where no server has been started yet; MasterKeyError; ClocksDisagree
 */
export async function openKeys(installation: Installation, wait: LockWait): Promise<InstallationKeys> {
  const { database, settings, log } = installation
  const masterKey = await masterKeyOf(installation)
  const clock = createClock()
  const keyRing = await openKeyRing({
    ...{ db: database, masterKey, clock, log, wait },
    delays: delaysOf(settings),
    ledger: await ledgerOf(installation),
  })
  return { keyRing, clock }
}

/**
 * Reads the signing keys of an installation and changes nothing, neither in the database nor in the keys directory.
 *
 * @throws NoInstallation where no server has been started yet; MasterKeyError
 */
export async function readKeys(installation: Installation): Promise<KeyView> {
  const { database, settings, log } = installation
  const masterKey = await masterKeyOf(installation)
  const ledger = await ledgerOf(installation)
  return viewKeys({ db: database, masterKey, log, ledger, delays: delaysOf(settings) })
}

async function masterKeyOf({ database, settings }: Installation): Promise<MasterKey> {
  if (!(await holdsSealed(database)))
    throw new NoInstallation(
      `The schema ${settings.databaseSchema} of ${databaseInWords(settings)} has no keys yet: no server has been started on it. ` +
        "The first 'signet serve' creates them.",
    )
  const masterKey = await openMasterKey(settings, true)
  // Tells a wrong master key from a signing key that is damaged.
  openPurposeSecrets(await loadPurposeSecrets(database), masterKey)
  return masterKey
}

function ledgerOf({ settings, log }: Installation): Promise<KeyLedger> {
  return openKeyLedger(join(settings.keysDir, 'key-ledger.txt'), log)
}

function delaysOf(settings: Settings) {
  return {
    rotationPeriod: settings.keyRotationPeriod,
    activationDelay: activationDelay(settings),
    clockSkew: settings.clockSkew,
    keyLease: settings.keyLease,
  }
}
