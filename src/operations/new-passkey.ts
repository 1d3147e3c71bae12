import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import { type NewPasskey, spendChallenge } from '../records/accounts/passkeys-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { isFromOurPage, type PasskeyAnswer, readPasskeyAnswer, readTransports } from './passkey-answers.ts'
import { openChallenge, type PasskeyCreationPurpose } from './passkey-challenges.ts'
import { passkeyAlgorithms, relyingPartyId } from './passkey-options.ts'

/** The answer of a browser that was asked to create a passkey. */
export interface PasskeyCreationAnswer {
  /** The digest of the browser's cookie. */
  readonly browserDigest: Buffer
  /** The account. Undefined at sign-up, where the challenge says it. */
  readonly sub?: Sub | undefined
  /** The same as for `passkeyCreationOptions`. */
  readonly use: PasskeyCreationPurpose
  /** The field `credential` of the form. */
  readonly answer: string | undefined
}

/** Bytes. An RSA key of 4,096 bits has about 530. Larger ones would make each sign-in expensive. */
const maxPublicKey = 1024

/**
 * Reads a passkey that a browser has created now, for this use (Web Authentication Level 3 §7.1), and spends the challenge. The caller stores it
 * with `insertPasskey`.
 *
 * @returns the passkey and the account that it is for; undefined if the answer is not acceptable
 * @throws what reloading the secrets throws
 */
export async function readNewPasskey(
  signet: Signet,
  { browserDigest, sub, use, answer: text }: PasskeyCreationAnswer,
): Promise<(NewPasskey & { readonly sub: Sub }) | undefined> {
  const answer = readPasskeyAnswer(text)
  if (!answer) return undefined
  const { type, challenge: presented } = answer.clientData
  // Steps 7 to 10: this ceremony, our challenge, our page.
  const challenge = await openChallenge(signet, presented, { ceremony: 'create', use, browserDigest })
  if (type !== 'webauthn.create' || !challenge?.sub || (sub !== undefined && challenge.sub !== sub)) return undefined
  if (!isFromOurPage(answer.clientData, signet.settings.issuer)) return undefined
  const passkey = await verifiedPasskey(signet, answer, presented)
  if (!passkey) return undefined
  const isOpen = await spendChallenge(signet.database, challenge.digest, challenge.expiresAt)
  return isOpen ? { ...passkey, sub: challenge.sub } : undefined
}

async function verifiedPasskey(
  { settings }: Signet,
  { json, credentialId }: PasskeyAnswer,
  expectedChallenge: string,
): Promise<NewPasskey | undefined> {
  const { verifyRegistrationResponse } = await import('@simplewebauthn/server')
  const { isoCBOR, isoBase64URL } = await import('@simplewebauthn/server/helpers')
  try {
    // No attestation is asked for. If there is one all the same, it is left out: nothing depends on it, and certificates from anybody need not be parsed.
    const object = isoCBOR.decodeFirst<Map<string, Uint8Array>>(
      isoBase64URL.toBuffer(String(json.response['attestationObject'])),
    )
    const unattested = new Map<string, unknown>([
      ['fmt', 'none'],
      ['attStmt', new Map()],
      ['authData', object.get('authData')],
    ])
    const attestationObject = isoBase64URL.fromBuffer(isoCBOR.encode(unattested as never) as Uint8Array<ArrayBuffer>)
    const { verified, registrationInfo: info } = await verifyRegistrationResponse({
      response: { ...json, response: { ...json.response, attestationObject } } as unknown as RegistrationResponseJSON,
      expectedChallenge,
      expectedOrigin: settings.issuer,
      expectedRPID: relyingPartyId(settings),
      requireUserVerification: true,
      supportedAlgorithmIDs: passkeyAlgorithms,
    })
    if (!verified || info.credential.publicKey.length > maxPublicKey) return undefined
    // The browser's copy of the ID and the authenticator's must be the same.
    if (info.credential.id !== credentialId.toString('base64url')) return undefined
    return {
      credentialId,
      publicKey: Buffer.from(info.credential.publicKey),
      signCount: info.credential.counter,
      transports: readTransports(json.response['transports']),
      aaguid: info.aaguid,
      isBackupEligible: info.credentialDeviceType === 'multiDevice',
      isBackedUp: info.credentialBackedUp,
    }
  } catch {
    // It throws for everything that is wrong with an answer.
    return undefined
  }
}
