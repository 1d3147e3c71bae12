import { constants, createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { SigningAlgorithm } from '../../src/platform/jwt/algorithms.ts'

/** A key that a verifier trusts. A forger has its public half only. */
export interface TrustedKey {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export type Vector = readonly [name: string, token: string]
export type Json = Readonly<Record<string, unknown>>

export const encode = (part: string | Buffer | Json): string =>
  Buffer.from(typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part)).toString('base64url')

/** Signs any header and payload with the key's own algorithm, whatever the header says. */
export function signWith(key: TrustedKey, header: string | Buffer | Json, payload: string | Buffer | Json): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${encode(signature(key, input))}`
}

/** A signature with the key's own algorithm. */
export function signature({ alg, privateKey }: TrustedKey, input: string): Buffer {
  switch (alg) {
    case 'ES256':
      return sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    case 'EdDSA':
      return sign(null, Buffer.from(input), privateKey)
    case 'RS256':
      return sign('sha256', Buffer.from(input), privateKey)
    case 'PS256': {
      const padding = constants.RSA_PKCS1_PSS_PADDING
      return sign('sha256', Buffer.from(input), { key: privateKey, padding, saltLength: 32 })
    }
  }
}

export function newKey(kid: string, alg: SigningAlgorithm, publicExponent = 0x1_00_01): TrustedKey {
  if (alg === 'EdDSA') return { kid, alg, ...generateKeyPairSync('ed25519') }
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent })
  return { kid, alg, ...pair }
}

export const publicJwk = (key: TrustedKey): Json => ({
  ...key.publicKey.export({ format: 'jwk' }),
  kid: key.kid,
  alg: key.alg,
  use: 'sig',
})

/** `none` and variants that a careless comparison accepts as it (RFC 8725 §2.1, §3.1). */
export function unsigned(key: TrustedKey, typ: string, claims: () => Json): Vector[] {
  const algs: unknown[] = ['none', 'None', 'NONE', 'nOnE', 'none\0', ' none', '', null, ['none'], { none: 1 }, 0, true]
  const payload = claims()
  const old = signWith(key, { alg: key.alg, typ, kid: key.kid }, payload).split('.')[2]
  return [...algs, undefined].flatMap((alg): Vector[] => {
    const input = `${encode({ alg, typ, kid: key.kid })}.${encode({ ...payload, scope: 'openid admin' })}`
    const name = alg === undefined ? 'no alg' : `alg ${JSON.stringify(alg)}`
    return [
      [`${name}, no signature`, `${input}.`],
      [`${name}, a signature of another token`, `${input}.${old}`],
      [`${name}, and two parts`, input],
    ]
  })
}

/** The public key as the secret of an HMAC, in every form that a program may have it in (RFC 8725 §2.1). */
export function keyedWithPublicKey(key: TrustedKey, typ: string, claims: () => Json): Vector[] {
  const pem = String(key.publicKey.export({ format: 'pem', type: 'spki' }))
  const jwk = key.publicKey.export({ format: 'jwk' })
  const part = (name: 'x' | 'y' | 'n') => Buffer.from(jwk[name] ?? '', 'base64url')
  const secrets: Record<string, string | Buffer> = {
    'the PEM': pem,
    'the PEM without its last line end': pem.trimEnd(),
    'the PEM with CRLF': pem.replaceAll('\n', '\r\n'),
    'the PEM without its header and footer': pem.replace(/-----[^-]+-----|\n/g, ''),
    'the DER': key.publicKey.export({ format: 'der', type: 'spki' }),
    'the JWK': JSON.stringify(jwk),
    'the published JWK': JSON.stringify(publicJwk(key)),
    'the raw numbers': key.alg === 'ES256' ? Buffer.concat([part('x'), part('y')]) : part('n'),
    'the raw point': key.alg === 'ES256' ? Buffer.concat([Buffer.from([4]), part('x'), part('y')]) : part('n'),
    'the kid': key.kid,
    nothing: '',
  }
  return (['sha256', 'sha384', 'sha512'] as const).flatMap((hash) =>
    Object.entries(secrets).flatMap(([name, secret]) =>
      [`HS${hash.slice(3)}`, ...(hash === 'sha256' ? [key.alg] : [])].map((alg): Vector => {
        const input = `${encode({ alg, typ, kid: key.kid })}.${encode(claims())}`
        return [
          `HMAC with ${hash}, declared as ${alg}, keyed with ${name}`,
          `${input}.${encode(createHmac(hash, secret).update(input).digest())}`,
        ]
      }),
    ),
  )
}

/** Signed with the forger's own key, which the header contains or refers to at a wrong address (RFC 8725 §2.9, §3.10). */
export function withForgersKey(key: TrustedKey, typ: string, claims: () => Json, forgersSet: string): Vector[] {
  const forger = newKey(key.kid, 'ES256')
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' })
  const k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const ed = generateKeyPairSync('ed25519')
  const by = (header: Json, signer: TrustedKey = forger) =>
    signWith(signer, { alg: signer.alg, typ, kid: key.kid, ...header }, claims())
  const onCurve = (alg: string, hash: string, privateKey: KeyObject, header: Json = {}) => {
    const input = `${encode({ alg, typ, kid: key.kid, ...header })}.${encode(claims())}`
    return `${input}.${encode(sign(hash, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }))}`
  }
  const edInput = `${encode({ alg: 'EdDSA', typ, kid: key.kid })}.${encode(claims())}`
  const kids: Record<string, unknown> = {
    'a path with ..': '../../../../dev/null',
    'a path': '/dev/null',
    SQL: "x' UNION SELECT 'AAAA' --",
    'a NUL byte': `${key.kid}\0`,
    'a NUL byte alone': '\0',
    __proto__: '__proto__',
    'a lone surrogate': '\ud800',
    '8 KB': 'k'.repeat(3000),
    'an address': `${forgersSet}#0`,
    'an empty string': '',
    'a number': 0,
    'a list': [key.kid],
    'an object': { kid: key.kid },
    null: null,
    true: true,
  }
  return [
    ['under the trusted kid', by({})],
    ['jwk', by({ jwk: publicJwk(forger) })],
    ['jwk without a kid', by({ kid: undefined, jwk: publicJwk(forger) })],
    ['jwk with its private half', by({ jwk: forger.privateKey.export({ format: 'jwk' }) as Json })],
    ['jku', by({ jku: forgersSet })],
    ['jku with ours as the user name in front of another host', by({ jku: forgersSet.replace('//', '//localhost@') })],
    ['x5u', by({ x5u: forgersSet })],
    ['x5c', by({ x5c: [forger.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] })],
    ['x5t', by({ kid: undefined, x5t: encode(createHash('sha1').update('x').digest()) })],
    ['x5t#S256', by({ kid: undefined, 'x5t#S256': encode(createHash('sha256').update('x').digest()) })],
    ['crit that names its jwk', by({ crit: ['jwk'], jwk: publicJwk(forger) })],
    ['crit that names nothing', by({ crit: [] })],
    ['b64: false', by({ b64: false, crit: ['b64'] })],
    ['zip', by({ zip: 'DEF' })],
    ['ES384', onCurve('ES384', 'sha384', p384.privateKey)],
    ['ES512', onCurve('ES512', 'sha512', p521.privateKey)],
    ['ES256K', onCurve('ES256K', 'sha256', k1.privateKey)],
    ['secp256k1 under ES256', onCurve('ES256', 'sha256', k1.privateKey)],
    ['P-384 under ES256', onCurve('ES256', 'sha256', p384.privateKey)],
    ['EdDSA', `${edInput}.${encode(sign(null, Buffer.from(edInput), ed.privateKey))}`],
    ...Object.entries(kids).map(([name, kid]): Vector => [`kid: ${name}`, by({ kid })]),
    ['no kid', by({ kid: undefined })],
  ]
}
