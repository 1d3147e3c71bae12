import { loadRing } from '../../src/key-ring/key-ring-store.ts'
import { openSealedKey } from '../../src/key-ring/sealed-key.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'
import type { Idp } from '../support/idp.ts'
import { testMasterKey } from '../support/signing-keys.ts'
import type { TrustedKey } from './jose-vectors.ts'

/** One of this Signet's own keys per algorithm, so that tests can sign what Signet never would. */
export async function issuerKeys({ signet }: Idp): Promise<Record<TrustedKey['alg'], TrustedKey>> {
  const masterKey = await openMasterKey(
    { masterKey: Buffer.from(testMasterKey, 'base64url'), masterKeyPrevious: undefined, keysDir: 'none' },
    false,
  )
  const { keys } = await loadRing(signet.database)
  const find = (alg: TrustedKey['alg']): TrustedKey => {
    const record = keys.find((key) => key.alg === alg)
    const published = record && signet.keyRing.verificationKey(record.kid, 'published')
    if (!record?.sealedPrivateJwk || !published) throw new Error(`No key for ${alg}.`)
    const privateKey = openSealedKey(record.kid, record.sealedPrivateJwk, masterKey)
    return { kid: record.kid, alg, privateKey, publicKey: published.key }
  }
  return { ES256: find('ES256'), RS256: find('RS256'), PS256: find('PS256'), EdDSA: find('EdDSA') }
}
