import { digest, equalInConstantTime } from '../platform/secrets/digest.ts'
import { mac, type PurposeSecret } from '../platform/secrets/purposes.ts'

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

/** Reads a refresh token that Signet made; undefined for anything else. Asks no database. */
export function decodeRefreshToken(
  secret: PurposeSecret,
  text: string,
): (RefreshToken & { version: number }) | undefined {
  if (text.length !== encodedLength || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined
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

/** What the rule needs to know of a family. */
export interface FamilyState {
  /** The newest generation: given out, never spent. */
  readonly generation: number
  /** When the last generations were first spent, the newest last; milliseconds since 1970. */
  readonly spends: readonly number[]
  /** The generation whose lost reply was last forgiven. */
  readonly forgivenGeneration: number | undefined
  readonly forgivenTimes: number
}

export type RefreshVerdict =
  /** Never spent: it is spent now, and its successor given. */
  | { readonly verdict: 'spend' }
  /** Several tabs, or a proxy's retry: the newest is given once more. */
  | { readonly verdict: 'again' }
  /** The reply was lost, or the machine slept: the same successor is given once more, and that is remembered. */
  | { readonly verdict: 'forgive' }
  /** Forgiven too often; the family lives on. `first` is said once a generation. */
  | { readonly verdict: 'exhausted'; readonly first: boolean }
  /** Newer than the row knows: the database was set back. */
  | { readonly verdict: 'advance' }
  /** Two parties hold the family. */
  | { readonly verdict: 'reused' }

const mostForgiven = 10

/** As many spends as are kept. A generation that was pushed out within the grace counts as spent before it. */
export const keptSpends = 32

/**
 * The rule for a presented generation: an honest client that lost a reply or asked twice goes on, two parties that live off one
 * token do not. No clock decides about a lost reply; the grace is for those who ask at the same time.
 *
 * @param presented the token's generation
 * @param now milliseconds since 1970
 * @param grace seconds
 */
export function judgeRefresh(family: FamilyState, presented: number, now: number, grace: number): RefreshVerdict {
  if (presented === family.generation) return { verdict: 'spend' }
  if (presented > family.generation) return { verdict: 'advance' }
  const spentAt = family.spends.at(presented - family.generation)
  // Later generations were first spent later, so if this one is within the grace they all are.
  if (spentAt !== undefined && now - spentAt <= grace * 1000) return { verdict: 'again' }
  // Its successor was never spent: nobody has used what the lost reply held.
  if (presented === family.generation - 1) {
    if (family.forgivenGeneration === presented)
      return family.forgivenTimes < mostForgiven
        ? { verdict: 'forgive' }
        : { verdict: 'exhausted', first: family.forgivenTimes === mostForgiven }
    // Forgiven for the generation before too? Then somebody shadows the owner, one step behind.
    if (family.forgivenGeneration === undefined || family.forgivenGeneration !== presented - 1)
      return { verdict: 'forgive' }
  }
  return { verdict: 'reused' }
}
