import { databaseInWords, type Installation, NoInstallation } from './installation.ts'
import { type KeyLedger, keyLedgerFile, openKeyLedger } from './key-ring/key-ledger.ts'
import { type KeyRing, openKeyRing } from './key-ring/key-ring.ts'
import { type KeyView, viewKeys } from './key-ring/key-snapshot.ts'
import { delaysOf } from './key-ring/rotation.ts'
import { openSecretRing, type SecretRing } from './key-ring/secret-ring.ts'
import { type Clock, createClock } from './platform/clock.ts'
import type { LockWait } from './platform/database/locked-transaction.ts'
import { type MasterKey, openMasterKey } from './platform/secrets/master-key.ts'
import { openVersions, type SecretVersion } from './platform/secrets/purpose-secrets.ts'
import {
  holdsSealed,
  loadPurposeSecrets,
  loadStoredSecrets,
  type RevokedPurposeSecret,
} from './platform/secrets/purpose-secrets-store.ts'

/** The keys of an installation, for commands that change something about them. */
export interface InstallationKeys {
  readonly keyRing: KeyRing
  readonly clock: Clock
}

/**
 * Opens the signing keys of an installation in order to change them. Scheduled decisions that are due are made first, as by a server. The
 * master key and the first signing keys are never created here, only at a start of the server.
 *
 * @param wait how to wait while another node decides about keys
 * @throws NoInstallation if no server has been started yet; MasterKeyError; ClocksDisagree
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
 * @throws NoInstallation if no server has been started yet; MasterKeyError
 */
export async function readKeys(installation: Installation): Promise<KeyView> {
  const { database, settings, log } = installation
  const masterKey = await masterKeyOf(installation)
  const ledger = await ledgerOf(installation)
  return viewKeys({ db: database, masterKey, log, ledger, delays: delaysOf(settings) })
}

/** The purpose secrets of an installation, for commands that change them. */
export interface InstallationSecrets {
  readonly secrets: SecretRing
  readonly clock: Clock
}

/**
 * Opens the purpose secrets of an installation in order to change them. Those that are revoked in the keys directory are revoked first,
 * as by a server.
 *
 * @param wait how to wait while another node changes secrets
 * @throws NoInstallation if no server has been started yet; MasterKeyError
 */
export async function openSecrets(installation: Installation, wait: LockWait): Promise<InstallationSecrets> {
  const { database: db, settings, log } = installation
  const masterKey = await masterKeyOf(installation)
  const clock = createClock()
  const { keyLease, clockSkew } = settings
  const ledger = await ledgerOf(installation)
  const secrets = await openSecretRing({
    db,
    masterKey,
    clock,
    log,
    keyLease,
    clockSkew,
    ledger,
    opening: { db, wait },
  })
  return { secrets, clock }
}

/** The purpose secrets as the database has them at one moment, in milliseconds since 1970. */
export interface SecretView {
  readonly versions: readonly SecretVersion[]
  readonly revoked: readonly RevokedPurposeSecret[]
  /** Versions that are revoked in the keys directory but not in the database: a backup was restored, or a command was interrupted. */
  readonly notRevokedYet: readonly SecretVersion[]
  readonly now: number
}

/**
 * Reads the purpose secrets of an installation and changes nothing, neither in the database nor in the keys directory.
 *
 * @throws NoInstallation if no server has been started yet; MasterKeyError
 */
export async function readSecrets(installation: Installation): Promise<SecretView> {
  const masterKey = await masterKeyOf(installation)
  const { revokedSecrets } = await ledgerOf(installation)
  const stored = await loadStoredSecrets(installation.database)
  const opened = openVersions(stored.versions, masterKey)
  return {
    versions: opened,
    revoked: stored.revoked,
    notRevokedYet: opened.filter(({ fingerprint }) => revokedSecrets.has(fingerprint)),
    now: stored.now,
  }
}

async function masterKeyOf({ database, settings }: Installation): Promise<MasterKey> {
  if (!(await holdsSealed(database)))
    throw new NoInstallation(
      `The schema ${settings.databaseSchema} of ${databaseInWords(settings)} has no keys yet: no server has been started on it. ` +
        "The first 'signet serve' creates them.",
    )
  const masterKey = await openMasterKey(settings, true)
  // Distinguishes a wrong master key from a damaged signing key.
  openVersions(await loadPurposeSecrets(database), masterKey)
  return masterKey
}

function ledgerOf({ settings, log }: Installation): Promise<KeyLedger> {
  return openKeyLedger(keyLedgerFile(settings), log)
}
