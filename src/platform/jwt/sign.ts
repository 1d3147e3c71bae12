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

/** This node must not sign at the moment. The request can be sent again. */
export class SigningUnavailable extends Error {}

/** The encoded header; worth keeping, for it is the same for all tokens of one kind under one key. */
export function encodeHeader(header: JwtHeader): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url')
}

/**
 * Signs in JWS Compact Serialization (RFC 7515 §7.1). Done with `node:crypto` and a key parsed once, because this is the hottest
 * line of all: the signature of ES256 takes some 20 µs, less than handing it to another thread; RS256's takes a
 * millisecond and goes to the thread pool, so that it holds up nobody else.
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
