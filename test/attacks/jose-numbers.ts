import { constants, createHash, privateEncrypt, publicDecrypt, sign } from 'node:crypto'
import { encode, type Json, signature, signWith, type TrustedKey, type Vector } from './jose-vectors.ts'

/** The order of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3). */
const n = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

const bytesOf = (number: bigint, length: number) => Buffer.from(number.toString(16).padStart(length * 2, '0'), 'hex')
const numberOf = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex') || '0'}`)

/**
 * What a good signature is turned into, or replaced by, to deceive verifiers that do not check the numbers (in the manner of Wycheproof).
 */
export function signatureNumbers(key: TrustedKey, typ: string, claims: () => Json): Vector[] {
  const input = `${encode({ alg: key.alg, typ, kid: key.kid })}.${encode(claims())}`
  const good = signature(key, input)
  const withBytes = (name: string, bytes: Buffer): Vector => [name, `${input}.${encode(bytes)}`]
  const shared: Vector[] = [
    withBytes('no signature', Buffer.alloc(0)),
    withBytes('one byte of zero', Buffer.alloc(1)),
    withBytes('all zeros', Buffer.alloc(good.length)),
    withBytes('all ones', Buffer.alloc(good.length, 255)),
    withBytes('truncated at the end', good.subarray(0, -1)),
    withBytes('truncated at the start', good.subarray(1)),
    withBytes('a zero before it', Buffer.concat([Buffer.alloc(1), good])),
    withBytes('a zero after it', Buffer.concat([good, Buffer.alloc(1)])),
    withBytes('twice', Buffer.concat([good, good])),
    withBytes('in reverse', Buffer.from(good).reverse()),
  ]
  return [
    ...shared,
    ...(key.alg === 'ES256' ? ecdsaNumbers(key, input, good) : rsaNumbers(key, input, good, typ, claims)),
  ].map(([name, token]) => [`signature: ${name}`, token])
}

function ecdsaNumbers(key: TrustedKey, input: string, good: Buffer): Vector[] {
  const [r, s] = [good.subarray(0, 32), good.subarray(32)]
  const halves = (name: string, ...parts: (Buffer | bigint)[]): Vector => [
    name,
    `${input}.${encode(Buffer.concat(parts.map((part) => (typeof part === 'bigint' ? bytesOf(part, 32) : part))))}`,
  ]
  // x mod n of the generator and of the key: signatures that are valid if the verifier accepts a zero inverse (CVE-2022-21449).
  const generator = BigInt('0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296')
  const x = numberOf(Buffer.from(key.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')) % n
  const zero = Buffer.alloc(1)
  return [
    halves('r = 0', 0n, s),
    halves('s = 0', r, 0n),
    halves('r = s = 1', 1n, 1n),
    halves('r = n', n, s),
    halves('s = n', r, n),
    halves('r = s = n', n, n),
    halves('r = n, s = 0', n, 0n),
    halves('r = 0, s = 1', 0n, 1n),
    halves('r = 1, s = 0', 1n, 0n),
    halves('r = n + 1', n + 1n, s),
    halves('s = n + 1', r, n + 1n),
    halves('r = n - 1, s = n - 1', n - 1n, n - 1n),
    halves('r = n - r', n - numberOf(r), s),
    halves('r of the generator, s = 0', generator, 0n),
    halves('r of the generator, s = 1', generator, 1n),
    halves('r and s of the generator', generator, generator),
    halves('r of the key, s = 1', x, 1n),
    halves('r and s of the key', x, x),
    halves('r and s swapped', s, r),
    halves('a zero before each half', zero, r, zero, s),
    halves('48-byte halves', Buffer.alloc(16), r, Buffer.alloc(16), s),
    halves('r alone', r),
    ...['sha256', 'sha512'].map((hash): Vector => {
      const der = sign(hash, Buffer.from(input), key.privateKey)
      return [`DER, ${hash}`, `${input}.${encode(der)}`]
    }),
    halves('over SHA-512', sign('sha512', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })),
    halves('over SHA-1', sign('sha1', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })),
  ]
}

/** DER of AlgorithmIdentifier and hash (RFC 8017 §9.2, note 1), and malformed variants. */
const digestInfo = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  'sha256 without its NULL': Buffer.from('302f300b0609608648016503040201' + '0420', 'hex'),
  'sha256 with a long length': Buffer.from('308131300d060960864801650304020105000420', 'hex'),
  'sha256 with rubbish in its NULL': Buffer.from('3034' + '3010060960864801650304020105030304aa' + '0420', 'hex'),
  'the prefix of SHA-512': Buffer.from('3051300d060960864801650304020305000440', 'hex'),
  'the prefix of SHA-1': Buffer.from('3021300906052b0e03021a05000414', 'hex'),
  'no prefix': Buffer.alloc(0),
} as const

function rsaNumbers(key: TrustedKey, input: string, good: Buffer, typ: string, claims: () => Json): Vector[] {
  const modulus = numberOf(Buffer.from(key.publicKey.export({ format: 'jwk' }).n ?? '', 'base64url'))
  const length = good.length
  const hash = createHash('sha256').update(input).digest()
  const withNumber = (name: string, number: bigint, size = length): Vector => [
    name,
    `${input}.${encode(bytesOf(number, size))}`,
  ]
  // The bare private-key operation, on a block of our own.
  const sealed = (name: string, block: Buffer): Vector => [
    name,
    `${input}.${encode(privateEncrypt({ key: key.privateKey, padding: constants.RSA_NO_PADDING }, block))}`,
  ]
  const block = (info: Buffer, { type = 1, fill = 255, behind = Buffer.alloc(0), separator = 0 } = {}) => {
    const fillers = Buffer.alloc(length - 3 - info.length - behind.length, fill)
    return Buffer.concat([Buffer.from([0, type]), fillers, Buffer.from([separator]), info, behind])
  }
  const info = Buffer.concat([digestInfo.sha256, hash])
  const recovered = publicDecrypt({ key: key.publicKey, padding: constants.RSA_NO_PADDING }, good)
  if (!recovered.equals(block(info))) throw new Error('The block differs from that of a good signature.')
  const pss = { key: key.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING }
  return [
    withNumber('0', 0n),
    withNumber('1', 1n),
    withNumber('n - 1', modulus - 1n),
    withNumber('n', modulus),
    withNumber('n + 1', modulus + 1n),
    withNumber('n - s', modulus - numberOf(good)),
    ['s + n', plusModulus(key, modulus, typ, claims)],
    withNumber('the block itself', numberOf(block(info))),
    ...Object.entries(digestInfo)
      .slice(1)
      .map(([name, prefix]) => sealed(name, block(Buffer.concat([prefix, hash])))),
    sealed('another hash under the right prefix', block(Buffer.concat([digestInfo.sha256, Buffer.alloc(32)]))),
    sealed('block type 0', block(info, { type: 0, fill: 0 })),
    sealed('block type 2', block(info, { type: 2, fill: 7 })),
    sealed('padding of another byte', block(info, { fill: 254 })),
    sealed('no byte between padding and hash', block(info, { separator: 255 })),
    sealed('rubbish after the hash', block(info, { behind: Buffer.alloc(64, 7) })),
    sealed('rubbish after the hash, eight bytes of padding', block(info, { behind: Buffer.alloc(length - 62, 7) })),
    sealed('zeros after the hash', block(info, { behind: Buffer.alloc(20) })),
    ['PS256', `${input}.${encode(sign('sha256', Buffer.from(input), { ...pss, saltLength: 32 }))}`],
    ['PS256 without salt', `${input}.${encode(sign('sha256', Buffer.from(input), { ...pss, saltLength: 0 }))}`],
    ['over SHA-512', `${input}.${encode(sign('sha512', Buffer.from(input), key.privateKey))}`],
    ['over SHA-1', `${input}.${encode(sign('sha1', Buffer.from(input), key.privateKey))}`],
  ]
}

/** s + n has the same remainder and, if both are small enough, the same length; RFC 8017 §8.2.2, step 2b, refuses it. */
function plusModulus(key: TrustedKey, modulus: bigint, typ: string, claims: () => Json): string {
  for (let tries = 0; ; tries++) {
    const [header, payload, seal = ''] = signWith(key, { alg: key.alg, typ, kid: key.kid }, claims()).split('.')
    const sum = numberOf(Buffer.from(seal, 'base64url')) + modulus
    if (sum < 1n << 2048n || tries > 500)
      return `${header}.${payload}.${encode(bytesOf(sum, sum < 1n << 2048n ? 256 : 257))}`
  }
}

/**
 * Made without the private key, for a public exponent of 3: the cube root of a block whose right end is not checked (Bleichenbacher, CRYPTO
 * 2006 rump session), with and without the NULL, and with a hash whose stated length is larger.
 */
export function cubeRoots(key: TrustedKey, typ: string, claims: () => Json): Vector[] {
  const infos = {
    'rubbish at its right end': digestInfo.sha256,
    'rubbish at its right end, no NULL': digestInfo['sha256 without its NULL'],
  }
  const header = { alg: 'RS256', typ, kid: key.kid }
  return Object.entries(infos).flatMap(([name, prefix]) =>
    [0, 8].map((padding): Vector => {
      const input = `${encode(header)}.${encode(claims())}`
      const hash = createHash('sha256').update(input).digest()
      const start = Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(padding, 255), Buffer.alloc(1), prefix, hash])
      const root = cubeRoot(numberOf(Buffer.concat([start, Buffer.alloc(256 - start.length, 255)])))
      if (
        !bytesOf(root ** 3n, 256)
          .subarray(0, start.length)
          .equals(start)
      )
        throw new Error('Not a cube root.')
      return [`a cube root with ${name}, ${padding} bytes of padding`, `${input}.${encode(bytesOf(root, 256))}`]
    }),
  )
}

/** The largest number whose cube is not larger. */
function cubeRoot(cube: bigint): bigint {
  let [low, high] = [0n, 1n << 700n]
  while (low < high) {
    const middle = (low + high + 1n) >> 1n
    if (middle ** 3n <= cube) low = middle
    else high = middle - 1n
  }
  return low
}

/** The same signature with the other s. It is valid, because s and n - s both are (FIPS 186-5 §6.4.2 does not require the low one). */
export function otherS(token: string): string {
  const [header, payload, seal = ''] = token.split('.')
  const bytes = Buffer.from(seal, 'base64url')
  return `${header}.${payload}.${encode(
    Buffer.concat([bytes.subarray(0, 32), bytesOf(n - numberOf(bytes.subarray(32)), 32)]),
  )}`
}
