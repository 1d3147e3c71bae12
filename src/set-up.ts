import { databaseInWords } from './installation.ts'
import type { KeyLedger } from './key-ring/key-ledger.ts'
import { isUnsettled, settleSecrets } from './key-ring/secret-decisions.ts'
import type { Settings } from './platform/config/settings.ts'
import { installationLock, recordIssuer } from './platform/database/installation-store.ts'
import { inLockedTransaction, type LockWait } from './platform/database/locked-transaction.ts'
import type { Database } from './platform/database/pool.ts'
import { type MasterKey, MasterKeyError, openMasterKey } from './platform/secrets/master-key.ts'
import { masterKeyFile } from './platform/secrets/master-key-file.ts'
import { openVersions } from './platform/secrets/purpose-secrets.ts'
import { holdsSealed, loadPurposeSecrets } from './platform/secrets/purpose-secrets-store.ts'

/** The database belongs to another issuer than the settings name. Tokens that were issued under its name would become invalid. */
export class IssuerMismatch extends Error {
  constructor(recorded: string, configured: string, schema: string) {
    super(
      `This database belongs to the issuer ${recorded}, but SIGNET_ISSUER is ${configured}. Change SIGNET_ISSUER back, ` +
        `or use another schema for the new issuer (SIGNET_DATABASE_SCHEMA is ${schema}).`,
    )
    this.name = 'IssuerMismatch'
  }
}

/**
 * Opens the master key of this installation, and creates what does not exist yet: the record of the issuer, the file of the master key,
 * the secrets. Any number of nodes may do this at the same time. Afterwards the master key opens all secrets, and none of them is
 * revoked in the keys directory.
 *
 * The lock of the installation is never held while waiting for the disk. One transaction reads what exists. Then the master key is
 * opened or created. A second transaction follows only if secrets are missing, or a backup has restored revoked ones.
 *
 * @param ledger the records of the keys directory
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
  if (isUnsettled(openVersions(found.secrets, masterKey), revokedSecrets))
    await inLockedTransaction(db, installationLock, wait, (tx) => settleSecrets(tx, masterKey, revokedSecrets)).catch(
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
    `Another node set up this database at the same time with a different master key: ${ours} opens nothing. All nodes need ` +
      'the same master key: use that of the other node here.',
  )
}
