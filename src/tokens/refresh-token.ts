import { digest, equalInConstantTime } from '../platform/secrets/digest.ts'
import { type LiveSecrets, mac, type PurposeSecret } from '../platform/secrets/purpose-secrets.ts'

/*
 * A refresh token is base64url(s ‖ n ‖ HMAC(K, s ‖ n)). s is 256 random bits that all tokens of a family share; the database stores its digest.
 * n is the generation. So forged tokens are refused without a query, and the same successor can be created again although only a digest is stored.
 * Neither the key alone nor a dump of the database alone is enough to create a token.
 */
const familyBytes = 32
const generationBytes = 4
const macBytes = 32
const encodedLength = Math.ceil(((familyBytes + generationBytes + macBytes) * 4) / 3)

export interface RefreshToken {
  readonly family: Buffer
  readonly generation: number
}

/** @param version the version of the secret that the family uses */
export function encodeRefreshToken(secret: PurposeSecret, version: number, token: RefreshToken): string {
  const body = bodyOf(token)
  const tag = mac(secret, version, body)
  if (!tag) throw new Error(`The refresh secret has no version ${version}.`)
  return Buffer.concat([body, tag]).toString('base64url')
}

/**
 * Reads a refresh token that Signet issued; undefined for anything else. If a token is well-formed but matches no version of the secret, another
 * node may have issued it with a newer version. Then the secrets are read again, which is rate-limited.
 *
 * @throws whatever reading the secrets throws: a token that may be valid is not refused because the database is unavailable
 */
export async function readRefreshToken(
  secrets: LiveSecrets,
  text: string,
): Promise<(RefreshToken & { version: number }) | undefined> {
  if (!isWellFormed(text)) return undefined
  const token = decodeRefreshToken(secrets['refresh-mac'], text)
  if (token) return token
  await secrets.reload()
  return decodeRefreshToken(secrets['refresh-mac'], text)
}

function isWellFormed(text: string): boolean {
  return text.length === encodedLength && /^[A-Za-z0-9_-]+$/.test(text)
}

/** Reads a refresh token that was made with one of these versions; undefined for anything else. Does not query the database. */
export function decodeRefreshToken(
  secret: PurposeSecret,
  text: string,
): (RefreshToken & { version: number }) | undefined {
  if (!isWellFormed(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  // Only one spelling is accepted: the unused bits of the last character would allow others for the same bytes.
  if (bytes.toString('base64url') !== text) return undefined
  const body = bytes.subarray(0, familyBytes + generationBytes)
  const tag = bytes.subarray(familyBytes + generationBytes)
  for (const version of secret.versions.keys())
    if (equalInConstantTime(tag, mac(secret, version, body) as Buffer))
      return { family: body.subarray(0, familyBytes), generation: body.readUInt32BE(familyBytes), version }
  return undefined
}

function bodyOf({ family, generation }: RefreshToken): Buffer {
  const body = Buffer.alloc(familyBytes + generationBytes)
  family.copy(body)
  body.writeUInt32BE(generation, familyBytes)
  return body
}

export const familyDigest = (token: RefreshToken): Buffer => digest(token.family)
