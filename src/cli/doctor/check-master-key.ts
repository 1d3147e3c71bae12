import { openSealedKey } from '../../key-ring/sealed-key.ts'
import type { KeyRecord } from '../../key-ring/signing-keys-store.ts'
import type { MasterKey } from '../../platform/secrets/master-key.ts'
import { openPurposeSecret } from '../../platform/secrets/purpose-secrets.ts'
import type { SealedPurposeSecret } from '../../platform/secrets/purpose-secrets-store.ts'
import { bad, type Finding, good } from './finding.ts'

const advice =
  'Put back the key that sealed it, in SIGNET_MASTER_KEY or in the keys directory (the key before it in SIGNET_MASTER_KEY_PREVIOUS). ' +
  'Where the key is right, the row was changed: restore it from a backup.'

/** Whether the master key opens everything that was sealed. Nothing of what is opened leaves this function. */
export function judgeMasterKey(
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
  if (closed.length === 0) return good('master-key', `It opens all ${all} secrets and keys that were sealed.`)
  if (closed.length === all) return bad('master-key', `It opens none of the ${all} secrets and keys.`, advice)
  return bad('master-key', `It does not open ${closed.slice(0, 5).join(', ')}.`, advice)
}

function opens(open: () => unknown): boolean {
  try {
    open()
    return true
  } catch {
    return false
  }
}
