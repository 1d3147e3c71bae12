import { stat } from 'node:fs/promises'
import { keyLedgerFile, openKeyLedger } from '../../key-ring/key-ledger.ts'
import { openSealedKey } from '../../key-ring/sealed-key.ts'
import type { KeyRecord } from '../../key-ring/signing-keys-store.ts'
import type { Settings } from '../../platform/config/settings.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { type MasterKey, openMasterKey } from '../../platform/secrets/master-key.ts'
import { masterKeyFile } from '../../platform/secrets/master-key-file.ts'
import {
  openPurposeSecret,
  openVersions,
  type SealedPurposeSecret,
  type StoredPurposeSecret,
} from '../../platform/secrets/purpose-secrets.ts'
import { loadPurposeSecrets } from '../../platform/secrets/purpose-secrets-store.ts'
import { judgeKeyPairs } from './check-key-pairs.ts'
import { judgePurposeSecrets } from './check-purpose-secrets.ts'
import { bad, type Finding, good, skipped } from './finding.ts'
import { reasonOf } from './reason.ts'

/**
 * Checks that need the master key. It is opened as at a start of the server, but never created.
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
      skipped('master-key', 'There is none yet, and nothing is sealed.'),
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
      'Restore the master key that the contents of the database were sealed with, readable only by the user that Signet runs as.'
    return [
      bad('master-key', `${reasonOf(error)}.`, advice),
      skipped('key-pairs', 'The master key cannot be used.'),
      judgePurposeSecrets(secrets, databaseNow),
    ]
  }
}

/** The secrets that are revoked in the keys directory. Those that cannot be opened are reported by another check. */
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

const putBack =
  'Restore the key that sealed it, in SIGNET_MASTER_KEY or in the keys directory (an earlier key in SIGNET_MASTER_KEY_PREVIOUS). ' +
  'If the key is right, the row was changed: restore the row from a backup.'

/** Whether the master key opens everything that is sealed. The opened values do not leave this function. */
function judgeMasterKey(
  masterKey: MasterKey,
  secrets: readonly SealedPurposeSecret[],
  keys: readonly KeyRecord[],
): Finding {
  const sealed = keys.flatMap(({ kid, sealedPrivateJwk }) => (sealedPrivateJwk ? [{ kid, sealedPrivateJwk }] : []))
  const closed = [
    ...secrets
      .filter((secret) => !opens(() => openPurposeSecret(secret, masterKey)))
      .map(({ purpose, version }) => `the secret ${purpose} (version ${version})`),
    ...sealed
      .filter(({ kid, sealedPrivateJwk }) => !opens(() => openSealedKey(kid, sealedPrivateJwk, masterKey)))
      .map(({ kid }) => `the signing key ${kid}`),
  ]
  const all = secrets.length + sealed.length
  if (closed.length === 0) return good('master-key', `It opens all ${all} sealed secrets and keys.`)
  if (closed.length === all) return bad('master-key', `It opens none of the ${all} secrets and keys.`, putBack)
  return bad('master-key', `It does not open ${closed.slice(0, 5).join(', ')}.`, putBack)
}

function opens(open: () => unknown): boolean {
  try {
    open()
    return true
  } catch {
    return false
  }
}
