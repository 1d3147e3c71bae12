import { databaseInWords } from './installation.ts'
import type { KeyLedger } from './key-ring/key-ledger.ts'
import { needsRepair, repairSecrets } from './key-ring/secret-decisions.ts'
import type { Settings } from './platform/config/settings.ts'
import { installationLock, recordIssuer } from './platform/database/installation-store.ts'
import { inLockedTransaction, type LockWait } from './platform/database/locked-transaction.ts'
import type { Database } from './platform/database/pool.ts'
import { type MasterKey, MasterKeyError, openMasterKey } from './platform/secrets/master-key.ts'
import { masterKeyFile } from './platform/secrets/master-key-file.ts'
import { openVersions } from './platform/secrets/purpose-secrets.ts'
import { holdsSealed, loadPurposeSecrets } from './platform/secrets/purpose-secrets-store.ts'

/** The settings name an issuer, the database belongs to another: tokens in the world would no longer be ours. */
export class IssuerMismatch extends Error {
  constructor(recorded: string, configured: string, schema: string) {
    super(
      `This database belongs to the issuer ${recorded}, but SIGNET_ISSUER is ${configured}. Set SIGNET_ISSUER back, or give ` +
        `the other issuer a schema of its own (SIGNET_DATABASE_SCHEMA is ${schema}).`,
    )
    this.name = 'IssuerMismatch'
  }
}

/**
 * Opens the master key of this installation, and creates what does not exist yet: the record of the issuer, the file of the master key,
 * the secrets. Any number of nodes may do this at the same time. The master key opens all secrets, and none of them was revoked.
 *
 * The lock of the installation is never held while something waits for the disk: one transaction finds out what there is, then the
 * master key is opened or created, and only if secrets are missing, or a backup has brought revoked ones back, a second transaction
 * settles that.
 *
 * @param ledger what the keys directory remembers
 * @throws IssuerMismatch, MasterKeyError, and what `inLockedTransaction` throws
 */
export async function setUpInstallation(
  db: Database,
  settings: Settings,
  wait: LockWait,
  { revokedSecrets }: Pick<KeyLedger, 'revokedSecrets'>,
): Promise<MasterKey> {
  const found = await inLockedTransaction(db, installationLock, wait, async (tx) => {
    const recorded = await recordIssuer(tx, settings.issuer)
    if (recorded !== settings.issuer) throw new IssuerMismatch(recorded, settings.issuer, settings.databaseSchema)
    return { holdsSealed: await holdsSealed(tx), secrets: await loadPurposeSecrets(tx) }
  })
  const masterKey = await openMasterKey(settings, found.holdsSealed)
  if (needsRepair(openVersions(found.secrets, masterKey), revokedSecrets))
    await inLockedTransaction(db, installationLock, wait, (tx) => repairSecrets(tx, masterKey, revokedSecrets)).catch(
      (error: unknown) => {
        throw error instanceof MasterKeyError && !found.holdsSealed ? anotherWasFaster(settings) : error
      },
    )
  if (!found.holdsSealed)
    wait.report(`This is a new installation, in the schema ${settings.databaseSchema} of ${databaseInWords(settings)}.`)
  return masterKey
}

function anotherWasFaster(settings: Settings): MasterKeyError {
  const ours = settings.masterKey ? 'SIGNET_MASTER_KEY' : `the new key in ${masterKeyFile(settings)}`
  return new MasterKeyError(
    `Another node set up this database at the same moment, with another master key: ${ours} opens nothing. All nodes need ` +
      'the same master key: give this one the key of that node.',
  )
}
