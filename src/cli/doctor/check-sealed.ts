import { stat } from 'node:fs/promises'
import { keyLedgerFile, openKeyLedger } from '../../key-ring/key-ledger.ts'
import type { KeyRecord } from '../../key-ring/signing-keys-store.ts'
import type { Settings } from '../../platform/config/settings.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { type MasterKey, openMasterKey } from '../../platform/secrets/master-key.ts'
import { masterKeyFile } from '../../platform/secrets/master-key-file.ts'
import { openVersions } from '../../platform/secrets/purpose-secrets.ts'
import { loadPurposeSecrets, type StoredPurposeSecret } from '../../platform/secrets/purpose-secrets-store.ts'
import { judgeKeyPairs } from './check-key-pairs.ts'
import { judgeMasterKey } from './check-master-key.ts'
import { judgePurposeSecrets } from './check-purpose-secrets.ts'
import { bad, type Finding, skipped } from './finding.ts'
import { reasonOf } from './reason.ts'

/**
 * What takes the master key. It is opened as a start opens it, but never made.
 *
 * @param databaseNow milliseconds since 1970
 */
export async function checkSealed(
  database: Queryable,
  settings: Settings,
  keys: readonly KeyRecord[],
  databaseNow: number,
): Promise<Finding[]> {
  const secrets = await loadPurposeSecrets(database)
  const holdsSealed = secrets.length > 0 || keys.some(({ sealedPrivateJwk }) => sealedPrivateJwk)
  const file = masterKeyFile(settings)
  if (!holdsSealed && !settings.masterKey && !(await stat(file).catch(() => undefined)))
    return [
      skipped('master-key', 'There is none yet, and nothing that it would have to open.'),
      skipped('key-pairs', 'There are no keys yet.'),
      judgePurposeSecrets(secrets, databaseNow),
    ]
  try {
    const masterKey = await openMasterKey(settings, true)
    const { revokedSecrets } = await openKeyLedger(keyLedgerFile(settings), { warn: () => {} })
    return [
      judgeMasterKey(masterKey, secrets, keys),
      ...judgeKeyPairs(keys, databaseNow, masterKey),
      judgePurposeSecrets(secrets, databaseNow, revokedAmong(secrets, masterKey, revokedSecrets)),
    ]
  } catch (error) {
    const advice =
      'Put back the key that sealed what the database holds, readable for the user that Signet runs as and nobody else.'
    return [
      bad('master-key', `${reasonOf(error)}.`, advice),
      skipped('key-pairs', 'There is no master key to open them with.'),
      judgePurposeSecrets(secrets, databaseNow),
    ]
  }
}

/** The secrets that the keys directory knows to be revoked. What does not open is told by another check. */
function revokedAmong(
  secrets: readonly StoredPurposeSecret[],
  masterKey: MasterKey,
  revoked: ReadonlyMap<string, number>,
): StoredPurposeSecret[] {
  return secrets.filter((secret) => {
    try {
      return openVersions([secret], masterKey).some(({ fingerprint }) => revoked.has(fingerprint))
    } catch {
      return false
    }
  })
}
