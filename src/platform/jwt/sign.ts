import { type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import type { SigningAlgorithm } from './algorithms.ts'

const signInThreadPool = promisify(sign)

/** The parts of a JWS Protected Header that Signet sets (RFC 7515 §4.1). */
export interface JwtHeader {
  readonly alg: SigningAlgorithm
  readonly typ: string
  readonly kid: string
}

/** This node may not sign at the moment. The request can be retried. */
export class SigningUnavailable extends Error {}

/** Encodes a header. Worth caching: it is the same for all tokens of one type signed with one key. */
export function encodeHeader(header: JwtHeader): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url')
}

/**
 * Signs in JWS Compact Serialization (RFC 7515 §7.1). Uses `node:crypto` and a key that was parsed once, because this is the hottest code of
 * all. An ES256 signature takes about 20 µs, less than a switch to another thread. An RS256 signature takes a millisecond, so it runs in the
 * thread pool and does not block other requests.
 *
 * @param encodedHeader from `encodeHeader`
 */
export function signJwt(
  encodedHeader: string,
  claims: object,
  key: KeyObject,
  alg: SigningAlgorithm,
): string | Promise<string> {
  const input = `${encodedHeader}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  const data = Buffer.from(input)
  const signed = (signature: Buffer) => `${input}.${signature.toString('base64url')}`
  // RFC 7518 §3.4: r ‖ s, not DER.
  return alg === 'ES256'
    ? signed(sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }))
    : signInThreadPool('sha256', data, key).then(signed)
}
