import { openSealedKey } from '../../src/key-ring/sealed-key.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'
import { purposes } from '../../src/platform/secrets/purpose-secrets.ts'
import type { Idp } from '../support/idp.ts'

/** Secrets, by the names used in findings. */
type Secrets = ReadonlyMap<string, string>

/** This many characters of a secret, in any encoding, are a leak. */
const piece = 16

/** The encodings in which a secret could appear. */
function* encodingsOf(secret: string): Generator<string> {
  yield secret
  yield unwrapped(secret)
  yield encodeURIComponent(secret)
  yield new URLSearchParams({ '': secret }).toString().slice(1)
  const html: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  yield secret.replace(/[&<>"']/g, (character) => html[character] ?? '')
  yield* encodingsOfBytes(Buffer.from(secret))
  // Most secrets are bytes, and base64url already.
  const bytes = Buffer.from(secret, 'base64url')
  if (bytes.toString('base64url') !== secret) return
  yield* encodingsOfBytes(bytes)
  yield BigInt(`0x${bytes.toString('hex')}`).toString()
}

function* encodingsOfBytes(bytes: Buffer): Generator<string> {
  const hex = bytes.toString('hex')
  for (const digits of [hex, hex.toUpperCase()]) {
    yield digits
    yield digits.replace(/../g, '%$&')
  }
  // A Buffer in JSON.
  yield bytes.join(',')
  // If it is encoded as part of something larger, a byte can be at any of three offsets.
  for (const before of [0, 1, 2]) {
    const base64 = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const own = base64.slice(Math.ceil((before * 4) / 3), Math.floor(((before + bytes.length) * 4) / 3))
    yield own
    yield own.replaceAll('+', '-').replaceAll('/', '_')
    yield encodeURIComponent(own)
    yield encodeURIComponent(own).replace(/%2[BF]/g, (escaped) => escaped.toLowerCase())
  }
}

/** A text without the characters that line wrapping, nested JSON, and PostgreSQL's row notation add to it. */
function unwrapped(text: string): string {
  return text.replace(/\\+(?:[nrt]|u000[9ad])|[\s\\"]/gi, '')
}

/** The signature is unique to each JWT, and the rest is useless without it. */
const signaturePart = (secret: string) => /^[\w-]+\.[\w-]+\.([\w-]{40,})$/.exec(secret)?.[1] ?? secret

/** A 20-bit number for the text at a position, so that most positions need no further check. */
const mark = (text: string, at: number) =>
  (((text.charCodeAt(at) * 97 + text.charCodeAt(at + 5)) * 97 + text.charCodeAt(at + 10)) * 97 +
    text.charCodeAt(at + piece - 1)) &
  0xf_ff_ff

/** Consecutive pieces, plus the last one. */
function piecesOf(encoding: string): string[] {
  const starts = Array.from({ length: Math.floor(encoding.length / piece) }, (_, index) => index * piece)
  return [
    ...starts.map((at) => encoding.slice(at, at + piece)),
    ...(encoding.length > piece ? [encoding.slice(-piece)] : []),
  ]
}

/**
 * Searches a text for the secrets and returns the names of those that it contains a piece of: any `2 * piece - 1` consecutive characters,
 * in any encoding.
 */
export function createSearch(secrets: Secrets): (text: string) => string[] {
  const pieces = new Map<string, string[]>()
  const marks = new Uint8Array(0x10_00_00)
  for (const [name, secret] of secrets) {
    if (secret.length < piece) throw new Error(`${name} is too short to be looked for: ${secret}`)
    for (const encoding of new Set(encodingsOf(signaturePart(secret))))
      for (const part of piecesOf(encoding)) {
        pieces.set(part, [...(pieces.get(part) ?? []), name])
        marks[mark(part, 0)] = 1
      }
  }
  return (text) => {
    const found = new Set<string>()
    for (const form of [text, unwrapped(text)])
      for (let at = 0; at + piece <= form.length; at++)
        if (marks[mark(form, at)] === 1)
          for (const name of pieces.get(form.slice(at, at + piece)) ?? []) found.add(name)
    return [...secrets.keys()].filter((name) => found.has(name))
  }
}

/** Secrets that no response may ever contain: the private members of every key, the secret of every purpose, and the master key. */
export async function installationSecrets(idp: Idp): Promise<Map<string, string>> {
  const { settings, database, secrets } = idp.signet
  const masterKey = await openMasterKey(settings, true)
  const all = new Map([['the master key', settings.masterKey?.toString('base64url') ?? '']])
  for (const purpose of purposes)
    for (const [version, secret] of secrets[purpose].versions)
      all.set(`${purpose} ${version}`, secret.toString('base64url'))
  const { rows } = await database.query<{ kid: string; sealed_private_jwk: Buffer }>({
    text: 'SELECT kid, sealed_private_jwk FROM signing_keys WHERE sealed_private_jwk IS NOT NULL',
  })
  for (const { kid, sealed_private_jwk: sealed } of rows) {
    const jwk = openSealedKey(kid, sealed, masterKey).export({ format: 'jwk' }) as Record<string, string>
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi'])
      if (jwk[member] !== undefined) all.set(`${member} of ${kid}`, jwk[member])
  }
  return all
}
