import { constants, createHmac, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import type { IdTokenAlgorithm, SigningAlgorithm } from './algorithms.ts'

const signInThreadPool = promisify(sign)

/** The parts of a JWS Protected Header that Signet sets (RFC 7515 §4.1). */
export interface JwtHeader {
  readonly alg: IdTokenAlgorithm
  readonly typ: string
  /** Absent for HS256: both sides know the secret. */
  readonly kid?: string
}

/** This node may not sign at the moment. The request can be retried. */
export class SigningUnavailable extends Error {}

/** Encodes a header. Worth caching: it is the same for all tokens of one type signed with one key. */
export function encodeHeader(header: JwtHeader): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url')
}

/**
 * Signs in JWS Compact Serialization (RFC 7515 §7.1). Uses `node:crypto` and a key that was parsed once, because this is the hottest code of
 * all. An ES256 or EdDSA signature takes about 20 µs, less than a switch to another thread. An RSA signature takes a millisecond, so it runs in
 * the thread pool and does not block other requests.
 *
 * @param encodedHeader from `encodeHeader`
 */
export function signJwt(
  encodedHeader: string,
  claims: object,
  key: KeyObject,
  alg: SigningAlgorithm,
): string | Promise<string> {
  const input = signingInput(encodedHeader, claims)
  const data = Buffer.from(input)
  const signed = (signature: Buffer) => `${input}.${signature.toString('base64url')}`
  switch (alg) {
    case 'ES256':
      // RFC 7518 §3.4: r ‖ s, not DER.
      return signed(sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }))
    case 'EdDSA':
      // RFC 8032 §5.1: Ed25519 hashes the data itself.
      return signed(sign(null, data, key))
    case 'RS256':
      return signInThreadPool('sha256', data, key).then(signed)
    case 'PS256':
      return signInThreadPool('sha256', data, { key, ...pssParameters }).then(signed)
  }
}

/** RFC 7518 §3.5: the salt is as long as the hash. MGF1 uses the same hash, which is OpenSSL's default. */
export const pssParameters = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } as const

const hs256Headers = new Map<string, string>()

/**
 * Signs with HS256 (RFC 7518 §3.2). Only for ID tokens of clients that asked for it: whoever can verify such a signature can also make one.
 *
 * @param key the client's secret, of at least 256 bits
 */
export function signWithSecret(typ: string, claims: object, key: KeyObject): string {
  const header = hs256Headers.get(typ) ?? encodeHeader({ alg: 'HS256', typ })
  hs256Headers.set(typ, header)
  const input = signingInput(header, claims)
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}

function signingInput(encodedHeader: string, claims: object): string {
  return `${encodedHeader}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
}
