import { pbkdf2, randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import argon2 from 'argon2'
import { equalInConstantTime } from '../../platform/secrets/digest.ts'
import { once } from '../../platform/shared-work.ts'

/** A password hash, read from its text. */
export interface PasswordHash {
  /** The form in which it is stored: PHC, except that bcrypt has its own. */
  readonly text: string
  /** Algorithm and parameters, without salt and hash. Hashes of one kind take the same time to check. */
  readonly kind: string
  /** Whether a password, in exactly this form, has this hash. Takes a thread of libuv and not the event loop. */
  matches(password: string): Promise<boolean>
}

/** `fault` is the end of a sentence that begins with "The password hash", and quotes nothing of the hash. */
export type ReadPasswordHash = PasswordHash | { readonly fault: string }

/*
 * What one check may cost. Our own argon2id is 19 MiB and two passes; each of these maxima takes 7 to 14 times as long. Everything in common use
 * is below them: argon2 of PHP (64 MiB, 4 passes) and Django (100 MiB, 2 passes, 8 lanes), bcrypt of Symfony (13), scrypt as OWASP recommends it,
 * a million and more rounds of PBKDF2 in Django. Three are checked at a time, so they need 384 MiB at most.
 */
const maxBcryptCost = 13
const maxMemory = 131_072 // KiB, for argon2 and scrypt
const maxArgon2Work = 524_288 // KiB x passes
const maxParallelism = 16
/** Passes x lanes, for argon2: each pass starts four threads for each lane, and starting them can take longer than the hash itself. */
const maxArgon2Starts = 512
const maxScryptWork = 2 ** 20 // N x r x p
const maxPbkdf2Work = 2_000_000 // iterations x blocks

const [minSaltBytes, maxSaltBytes] = [1, 128]
/** A shorter hash would make it easier to find another password with the same hash. */
const [minHashBytes, maxHashBytes] = [16, 128]
const maxTextLength = 1024

/** Bytes of a block of PBKDF2: each block of the result takes all iterations (RFC 8018 §5.2). */
const blockBytes = { sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 }
type Pbkdf2Hash = keyof typeof blockBytes

/**
 * Reads a password hash: argon2 and scrypt in PHC form, bcrypt (`$2a$`, `$2b$`, `$2y$`), PBKDF2 in PHC form, as passlib writes it, or as Django does.
 * What takes too long to check is refused, when it is imported and whenever it is checked.
 */
export function readPasswordHash(text: string): ReadPasswordHash {
  if (text.length > maxTextLength) return { fault: `is longer than ${maxTextLength} characters` }
  for (const read of [readArgon2, readBcrypt, readScrypt, readPbkdf2, readDjangoPbkdf2]) {
    const hash = read(text)
    if (hash) return hash
  }
  if (/^\$2x\$/.test(text))
    return { fault: 'is of bcrypt $2x$, which was made by a faulty version and cannot be checked' }
  return { fault: 'has an unknown format: it must be argon2, bcrypt, scrypt or PBKDF2' }
}

/** The kind of a stored hash, as the database counts it (`kind_of_password`). */
export function kindOf(text: string): string {
  return /^\$2b\$/.test(text) ? text.slice(0, 6) : text.replace(/\$[^$]*\$[^$]*$/, '')
}

/**
 * A hash of a kind that no password has, so that checking it takes as long as checking a real one. It is not computed: nobody knows a password with
 * a random hash.
 */
export function dummyOf(kind: string): PasswordHash | undefined {
  const pbkdf2Length = /,l=(\d+)$/.exec(kind)?.[1]
  const bytes = pbkdf2Length === undefined ? 32 : Number(pbkdf2Length)
  const ending = kind.startsWith('$2b$')
    ? bcryptAlphabetText(53)
    : `${unpadded(randomBytes(16))}$${unpadded(randomBytes(bytes))}`
  const dummy = readPasswordHash(`${kind}$${ending}`)
  return 'fault' in dummy ? undefined : dummy
}

function readArgon2(text: string): ReadPasswordHash | undefined {
  const parts =
    /^\$argon2(id|i|d)(?:\$v=(\d{1,3}))?\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,10})\$([\w+/]+={0,2})\$([\w+/]+={0,2})$/.exec(
      text,
    )
  if (!parts) return undefined
  // RFC 9106 is version 19. Hashes without a version are of version 16.
  const [type, version, memory, passes, lanes] = [parts[1]!, Number(parts[2] ?? 16), ...parts.slice(3, 6).map(Number)]
  const [m, t, p] = [memory!, passes!, lanes!]
  if (version !== 16 && version !== 19) return { fault: `is of argon2 version ${version}, which does not exist` }
  // RFC 9106 §3.1.
  if (t < 1 || p < 1 || m < 8 * p) return { fault: 'has parameters that argon2 does not allow' }
  if (m > maxMemory) return { fault: `needs ${m} KiB of memory, more than ${maxMemory}` }
  if (m * t > maxArgon2Work) return { fault: `takes too long to check: ${t} passes over ${m} KiB` }
  if (p > maxParallelism) return { fault: `needs ${p} lanes, more than ${maxParallelism}` }
  if (t * p > maxArgon2Starts) return { fault: `takes too long to check: ${t} passes in ${p} lanes` }
  const kind = `$argon2${type}$v=${version}$m=${m},t=${t},p=${p}`
  return withSaltAndHash(kind, parts[6]!, parts[7]!, ({ text: canonical }) => ({
    matches: (password) => argon2.verify(canonical, password),
    minSalt: 8,
  }))
}

/**
 * The three prefixes name one algorithm. `$2b$` has it right in every library; with `$2a$` ours would imitate an old fault of OpenBSD with passwords
 * of more than 254 bytes.
 */
function readBcrypt(text: string): ReadPasswordHash | undefined {
  const parts = /^(?:bcrypt\$)?\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{53})$/.exec(text)
  if (!parts) return undefined
  const [, cost = '', rest = ''] = parts
  if (Number(cost) < 4) return { fault: 'has a cost that bcrypt does not allow' }
  if (Number(cost) > maxBcryptCost) return { fault: `takes too long to check: cost ${cost} is above ${maxBcryptCost}` }
  const canonical = `$2b$${cost}$${rest}`
  return {
    text: canonical,
    kind: kindOf(canonical),
    matches: async (password) => (await loadBcrypt()).compare(password, canonical),
  }
}

/** Loaded for the first hash of this kind, because most installations have none. */
const loadBcrypt = once(async () => (await import('bcrypt')).default)

function readScrypt(text: string): ReadPasswordHash | undefined {
  const parts = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,6}),p=(\d{1,6})\$([\w+/]+={0,2})\$([\w+/]+={0,2})$/.exec(text)
  if (!parts) return undefined
  const [ln, r, p] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  if (ln < 1 || r < 1 || p < 1) return { fault: 'has parameters that scrypt does not allow' }
  // RFC 7914 §2: 128 * N * r bytes.
  if ((2 ** ln * r) / 8 > maxMemory)
    return { fault: `needs ${(2 ** ln * r) / 8} KiB of memory, more than ${maxMemory}` }
  if (2 ** ln * r * p > maxScryptWork || p > maxParallelism)
    return { fault: `takes too long to check: ln=${ln},r=${r},p=${p}` }
  return withSaltAndHash(`$scrypt$ln=${ln},r=${r},p=${p}`, parts[4]!, parts[5]!, ({ salt, hash }) => ({
    matches: async (password) => {
      const options = { N: 2 ** ln, r, p, maxmem: 256 * 2 ** ln * r + 256 * r * p + 65_536 }
      return equalInConstantTime(await derivedByScrypt(password, salt, hash.length, options), hash)
    },
  }))
}

const derivedByScrypt = promisify<string, Buffer, number, object, Buffer>(scrypt)
const derivedByPbkdf2 = promisify(pbkdf2)

/** `$pbkdf2-sha256$i=600000,l=32$...` (PHC), and `$pbkdf2-sha256$29000$...` with `.` for `+` (passlib). */
function readPbkdf2(text: string): ReadPasswordHash | undefined {
  const parts =
    /^\$pbkdf2(?:-(sha1|sha224|sha256|sha384|sha512))?\$(?:i=)?(\d{1,10})(?:,l=(\d{1,4}))?\$([\w+/.]+={0,2})\$([\w+/.]+={0,2})$/.exec(
      text,
    )
  if (!parts) return undefined
  const [, name = 'sha1', iterations, length, salt = '', hash = ''] = parts
  const read = pbkdf2Hash(name as Pbkdf2Hash, Number(iterations), salt, hash)
  if (!('fault' in read) && length !== undefined && !read.kind.endsWith(`,l=${length}`))
    return { fault: `does not have the ${length} bytes that it says` }
  return read
}

/** `pbkdf2_sha256$600000$salt$hash`: the salt is text. */
function readDjangoPbkdf2(text: string): ReadPasswordHash | undefined {
  const parts = /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,10})\$([\x21-\x23\x25-\x7e]{1,128})\$([\w+/]+={0,2})$/.exec(text)
  if (!parts) return undefined
  const [, name, iterations, salt = '', hash = ''] = parts
  return pbkdf2Hash(name as Pbkdf2Hash, Number(iterations), Buffer.from(salt).toString('base64'), hash)
}

function pbkdf2Hash(name: Pbkdf2Hash, iterations: number, salt64: string, hash64: string): ReadPasswordHash {
  const length = bytesOf(hash64).length
  if (iterations < 1) return { fault: 'has parameters that PBKDF2 does not allow' }
  if (iterations * Math.ceil(length / blockBytes[name]) > maxPbkdf2Work)
    return { fault: `takes too long to check: ${iterations} iterations for ${length} bytes` }
  return withSaltAndHash(`$pbkdf2-${name}$i=${iterations},l=${length}`, salt64, hash64, ({ salt, hash }) => ({
    matches: async (password) =>
      equalInConstantTime(await derivedByPbkdf2(password, salt, iterations, hash.length, name), hash),
  }))
}

/** Adds salt and hash, in base64 without padding (PHC), and checks their lengths. */
function withSaltAndHash(
  kind: string,
  salt64: string,
  hash64: string,
  checkedBy: (parts: { readonly text: string; readonly salt: Buffer; readonly hash: Buffer }) => {
    readonly matches: PasswordHash['matches']
    readonly minSalt?: number
  },
): ReadPasswordHash {
  const [salt, hash] = [bytesOf(salt64), bytesOf(hash64)]
  const text = `${kind}$${unpadded(salt)}$${unpadded(hash)}`
  const { matches, minSalt = minSaltBytes } = checkedBy({ text, salt, hash })
  if (salt.length < minSalt || salt.length > maxSaltBytes)
    return { fault: `has a salt of ${salt.length} bytes: it must have ${minSalt} to ${maxSaltBytes}` }
  if (hash.length < minHashBytes || hash.length > maxHashBytes)
    return { fault: `has ${hash.length} bytes: it must have ${minHashBytes} to ${maxHashBytes}` }
  return { text, kind, matches }
}

function bytesOf(base64: string): Buffer {
  return Buffer.from(base64.replaceAll('.', '+'), 'base64')
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}

/** Any text in the alphabet of bcrypt is a salt and a hash. */
function bcryptAlphabetText(length: number): string {
  return randomBytes(length).toString('base64').replaceAll('+', '.').slice(0, length)
}
