import { databaseInWords } from './installation.ts'
import type { KeyLedger } from './key-ring/key-ledger.ts'
import { needsRepair, repairSecrets } from './key-ring/secret-decisions.ts'
import type { Settings } from './platform/config/settings.ts'
import { installationLock, readSubjectSalt, recordIssuer } from './platform/database/installation-store.ts'
import { inLockedTransaction, type LockWait } from './platform/database/locked-transaction.ts'
import type { Database } from './platform/database/pool.ts'
import { type MasterKey, MasterKeyError, openMasterKey } from './platform/secrets/master-key.ts'
import { masterKeyFile } from './platform/secrets/master-key-file.ts'
import { openVersions } from './platform/secrets/purpose-secrets.ts'
import { holdsSealed, loadPurposeSecrets } from './platform/secrets/purpose-secrets-store.ts'

/** The database belongs to another issuer than the settings name. The tokens issued so far would no longer be accepted. */
export class IssuerMismatch extends Error {
  constructor(recorded: string, configured: string, schema: string) {
    super(
      `This database belongs to the issuer ${recorded}, but SIGNET_ISSUER is ${configured}. Set SIGNET_ISSUER back, or give ` +
        `the other issuer its own schema (SIGNET_DATABASE_SCHEMA is ${schema}).`,
    )
    this.name = 'IssuerMismatch'
  }
}

/** What the set-up finds or creates. */
export interface SetUp {
  readonly masterKey: MasterKey
  /** The salt of pairwise subjects. */
  readonly subjectSalt: Buffer
}

/**
 * Opens the master key of this installation, and creates what does not exist yet: the record of the issuer, the master key file and the
 * secrets. Several nodes may do this at the same time. Afterwards the master key opens all secrets, and none of them is revoked.
 *
 * The lock of the installation is never held while waiting for the disk. One transaction reads what exists. Then the master key is
 * opened or created. If secrets are missing, or a restored backup has brought revoked ones back, a second transaction creates or revokes
 * them.
 *
 * @param ledger the ledger in the keys directory
 * @throws IssuerMismatch, MasterKeyError, and what `inLockedTransaction` throws
 */
export async function setUpInstallation(
  db: Database,
  settings: Settings,
  wait: LockWait,
  { revokedSecrets }: Pick<KeyLedger, 'revokedSecrets'>,
): Promise<SetUp> {
  const found = await inLockedTransaction(db, installationLock, wait, async (tx) => {
    const recorded = await recordIssuer(tx, settings.issuer)
    if (recorded !== settings.issuer) throw new IssuerMismatch(recorded, settings.issuer, settings.databaseSchema)
    const subjectSalt = await readSubjectSalt(tx)
    // The statement before has inserted the row if there was none.
    if (!subjectSalt) throw new Error('The issuer is recorded, but the salt of pairwise subjects is not.')
    return { subjectSalt, holdsSealed: await holdsSealed(tx), secrets: await loadPurposeSecrets(tx) }
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
  return { masterKey, subjectSalt: found.subjectSalt }
}

function anotherWasFaster(settings: Settings): MasterKeyError {
  const ours = settings.masterKey ? 'SIGNET_MASTER_KEY' : `the new key in ${masterKeyFile(settings)}`
  return new MasterKeyError(
    `Another node set up this database at the same time with a different master key: ${ours} cannot open its secrets. All nodes ` +
      'need the same master key. Give this node the key of the other node.',
  )
}
