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
 * Opens the signing keys of an installation to change them. Decisions that are due are made first, as on a server. The master key
 * and the first signing keys are never created here, only when a server starts.
 *
 * @param wait how to wait while another node makes decisions about keys
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
 * Opens the purpose secrets of an installation to change them. Secrets that the keys directory lists as revoked are revoked first, as on
 * a server.
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

/** Whether this installation sends mail and has the secret under which mails wait. */
export async function canSealMail({ settings, database }: Installation): Promise<boolean> {
  return settings.mail.delivery !== 'none' && (await holdsSealed(database))
}

/** An installation for an operation that would send a mail if that were possible. It then reads no secret. */
export function withoutMail(installation: Installation): Installation & InstallationSecrets {
  const settings = { ...installation.settings, mail: { delivery: 'none' } } as const
  return { ...installation, settings, clock: createClock(), secrets: {} as SecretRing }
}

/** The purpose secrets in the database at one moment. `now` is that moment, in milliseconds since 1970. */
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
