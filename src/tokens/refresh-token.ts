import { digest, equalInConstantTime } from '../platform/secrets/digest.ts'
import { type LiveSecrets, mac, type PurposeSecret } from '../platform/secrets/purpose-secrets.ts'

/*
 * A refresh token is base64url(s ‖ n ‖ HMAC(K, s ‖ n)): s, 256 random bits that all tokens of a family share, of which the
 * database has the digest; n, the generation. Rubbish is refused before the database is asked, the same successor can be made
 * again though only a digest is stored, and neither the key nor a dump of the database makes a token alone.
 */
const familyBytes = 32
const generationBytes = 4
const macBytes = 32
const encodedLength = Math.ceil(((familyBytes + generationBytes + macBytes) * 4) / 3)

export interface RefreshToken {
  readonly family: Buffer
  readonly generation: number
}

/** @param version which version of the secret the family is under */
export function encodeRefreshToken(secret: PurposeSecret, version: number, token: RefreshToken): string {
  const body = bodyOf(token)
  const tag = mac(secret, version, body)
  if (!tag) throw new Error(`The refresh secret has no version ${version}.`)
  return Buffer.concat([body, tag]).toString('base64url')
}

/**
 * Reads a refresh token that Signet made; undefined for anything else. What has the form of one, but fits no version of the secret, may
 * have been made by a node that learned of a new version earlier: then the secrets are read again, which asks the database only so often.
 *
 * @throws what reading the secrets throws: a token that might be good is not refused because the database is away
 */
export async function readRefreshToken(
  secrets: LiveSecrets,
  text: string,
): Promise<(RefreshToken & { version: number }) | undefined> {
  if (!hasForm(text)) return undefined
  const token = decodeRefreshToken(secrets['refresh-mac'], text)
  if (token) return token
  await secrets.reload()
  return decodeRefreshToken(secrets['refresh-mac'], text)
}

function hasForm(text: string): boolean {
  return text.length === encodedLength && /^[A-Za-z0-9_-]+$/.test(text)
}

/** Reads a refresh token that was made under a version at hand; undefined for anything else. Asks no database. */
export function decodeRefreshToken(
  secret: PurposeSecret,
  text: string,
): (RefreshToken & { version: number }) | undefined {
  if (!hasForm(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  // One text for one token: another spelling of the last character's unused bits would be another text for the same bytes.
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
