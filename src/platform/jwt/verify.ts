import { createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto'
import * as published from '#verify/verification-key'
import type { SigningAlgorithm } from './algorithms.ts'
import { pssParameters } from './sign.ts'

/** Whether a signature was made with one of Signet's own keys. The published verifier does the same for the algorithms of access tokens. */
export function signatureHolds(
  { alg, key }: { readonly alg: SigningAlgorithm; readonly key: KeyObject },
  signingInput: Buffer,
  signature: Buffer,
): boolean {
  switch (alg) {
    case 'PS256':
      return verify('sha256', signingInput, { key, ...pssParameters }, signature)
    case 'EdDSA':
      return verify(null, signingInput, key, signature)
    default:
      return published.signatureHolds({ alg, key }, signingInput, signature)
  }
}

/** Whether an HS256 signature (RFC 7518 §3.2) was made with this secret. The comparison takes constant time. */
export function macHolds(key: KeyObject, signingInput: Buffer, signature: Buffer): boolean {
  const expected = createHmac('sha256', key).update(signingInput).digest()
  return signature.length === expected.length && timingSafeEqual(signature, expected)
}
