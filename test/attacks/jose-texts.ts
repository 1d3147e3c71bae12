import { deflateRawSync } from 'node:zlib'
import { encode, type Json, signWith, type TrustedKey, type Vector } from './jose-vectors.ts'

/** Other shapes of a good token: RFC 7515 §2 allows one spelling; §7.2 and RFC 7516 §7 define other formats. */
export function shapes(good: string): Vector[] {
  const [header = '', payload = '', seal = ''] = good.split('.')
  const protectedPart = { protected: header, payload, signature: seal }
  const lines = (text: string) => text.replace(/(.{40})/g, '$1\n')
  return [
    ['one part', header],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${good}.`],
    ['four parts, the signature repeated', `${good}.${seal}`],
    ['a leading dot', `.${good}`],
    ['a dot within the payload', `${header}.${payload.slice(0, 8)}.${payload.slice(8)}.${seal}`],
    ['five parts, as a JWE has', `${header}.${payload}.${seal}.${seal}.${seal}`],
    [
      'a JWE of direct encryption',
      `${encode({ alg: 'dir', enc: 'A128GCM' })}..${encode(Buffer.alloc(12))}.${payload}.${seal}`,
    ],
    ['JSON, flattened', JSON.stringify(protectedPart)],
    ['JSON, general', JSON.stringify({ payload, signatures: [{ protected: header, signature: seal }] })],
    ['JSON, alg unprotected', JSON.stringify({ payload, header: { alg: 'none' }, signature: '' })],
    ['in quotes', `"${good}"`],
    ['a detached payload', `${header}..${seal}`],
    ['a nested token', `${encode({ alg: 'none', cty: 'JWT' })}.${encode(good)}.`],
    ['padding after the header', `${header}=.${payload}.${seal}`],
    ['padding after the payload', `${header}.${payload}=.${seal}`],
    ['a space before the dot', `${header} .${payload}.${seal}`],
    ['line ends in the payload', `${header}.${lines(payload)}.${seal}`],
  ]
}

/** Other spellings of the signature alone, which no signature covers: a lenient decoder accepts each of them as the same token. */
export function spellings(good: string): Vector[] {
  const [header = '', payload = '', seal = ''] = good.split('.')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet[alphabet.indexOf(seal.slice(-1)) + 1] ?? ''
  const start = `${header}.${payload}.`
  return [
    ['one padding character', `${start}${seal}=`],
    ['two padding characters', `${start}${seal}==`],
    ['the standard base64 alphabet', `${start}${seal.replaceAll('-', '+').replaceAll('_', '/')}/`],
    ['unused bits set', `${start}${seal.slice(0, -1)}${last}`],
    ['a space inside', `${start}${seal.slice(0, 20)} ${seal.slice(20)}`],
    ['a space at the end', `${start}${seal} `],
    ['a line end at the end', `${start}${seal}\n`],
    ['a line end inside', `${start}${seal.slice(0, 20)}\r\n${seal.slice(20)}`],
    ['rubbish that a lenient decoder skips', `${start}${seal.slice(0, 20)}!*${seal.slice(20)}`],
  ]
}

/** Signed by the trusted key itself, and yet to be refused because of the header. */
export function signedHeaders(key: TrustedKey, typ: string, claims: () => Json, forgersSet: string): Vector[] {
  const kid = JSON.stringify(key.kid)
  const by = (header: Json | string) =>
    signWith(key, typeof header === 'string' ? header : { alg: key.alg, typ, kid: key.kid, ...header }, claims())
  const other = key.alg === 'ES256' ? 'RS256' : 'ES256'
  return [
    ...[undefined, null, '', 'none', key.alg.toLowerCase(), [key.alg], { [key.alg]: 1 }, `${key.alg} `, other].map(
      (alg): Vector => [`alg ${JSON.stringify(alg)}`, by({ alg })],
    ),
    ...['ES384', 'ES512', 'ES256K', 'RS384', 'HS256'].map((alg): Vector => [`alg ${alg}`, by({ alg })]),
    ['an unknown crit', by({ crit: ['https://evil.example/x'], 'https://evil.example/x': 1 })],
    ['crit with a registered name', by({ crit: ['alg'] })],
    ['an empty crit', by({ crit: [] })],
    ['crit that is not a list', by({ crit: 'exp', exp: 1 })],
    ['crit of a missing parameter', by({ crit: ['exp'] })],
    ['b64: false and crit', by({ b64: false, crit: ['b64'] })],
    ['alg twice, the first good', by(`{"alg":"${key.alg}","alg":"none","typ":"${typ}","kid":${kid}}`)],
    ['a header that is a list', by(`["${key.alg}"]`)],
    ['a header that is a string', by(`"${key.alg}"`)],
    ['a header that is null', by('null')],
    ['a header that is not JSON', by(`{"alg":"${key.alg}"`)],
    ['an empty header', by('')],
    ['a header in single quotes', by(`{'alg':'${key.alg}'}`)],
    ['kid of another key', by({ kid: 'another' })],
    ['kid as a path', by({ kid: `./${key.kid}` })],
    ['kid with a NUL character', by({ kid: `${key.kid}\u0000` })],
    ['jku and another kid', by({ jku: forgersSet, kid: 'forger' })],
  ]
}

/** Signed by the trusted key itself, with a payload that is not a set of claims (RFC 7519 §7.2), or with invalid claims. */
export function signedPayloads(key: TrustedKey, typ: string, claims: () => Json): Vector[] {
  const by = (payload: string | Buffer | Json) => signWith(key, { alg: key.alg, typ, kid: key.kid }, payload)
  const replaced = (name: string, value: string) => {
    const { [name]: _, ...others } = claims()
    return by(`${JSON.stringify(others).slice(0, -1)},"${name}":${value}}`)
  }
  const past = Math.floor(Date.now() / 1000) - 3600
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  return [
    ['payload: not JSON', by('sub=admin')],
    ['payload: nothing', by('')],
    ['payload: a list', by(`[${JSON.stringify(claims())}]`)],
    ['payload: a text', by(JSON.stringify(JSON.stringify(claims())))],
    ['payload: a number', by('1e400')],
    ['payload: null', by('null')],
    ['payload: JSON and more', by(`${JSON.stringify(claims())}{}`)],
    ['payload: a comment', by(`${JSON.stringify(claims())}//`)],
    ['payload: UTF-16', by(Buffer.from(JSON.stringify(claims()), 'utf16le'))],
    [
      'payload: compressed',
      signWith(key, { alg: key.alg, typ, kid: key.kid, zip: 'DEF' }, deflateRawSync(JSON.stringify(claims()))),
    ],
    ['payload: brackets that do not close', by('['.repeat(3000))],
    ['payload: deep lists', by(deep(1500))],
    ...[
      ['exp', '-1'],
      ['exp', '-1e400'],
      ['exp', '0'],
      ['exp', String(past)],
      ['exp', `${past}.5`],
      ['exp', '"9999999999"'],
      ['exp', '1e400'],
      ['exp', 'true'],
      ['exp', 'null'],
      ['exp', '{}'],
      ['exp', '[9999999999]'],
      ['iat', '99999999999'],
      ['iat', '1e400'],
      ['iat', '"0"'],
      ['nbf', '99999999999'],
      ['nbf', '1e400'],
      ['nbf', '"0"'],
      ['nbf', '[0]'],
      ['sub', '""'],
      ['sub', '0'],
      ['sub', '["x"]'],
      ['sub', '{"sub":"x"}'],
      ['iss', '""'],
      ['iss', 'null'],
      ['iss', '["x"]'],
      ['iss', '"https://evil.example"'],
      ['aud', '"https://evil.example"'],
      ['aud', '["https://evil.example"]'],
      ['aud', '[]'],
      ['aud', '{}'],
      ['aud', '[null]'],
      ['jti', '1'],
      ['jti', 'null'],
      ['jti', '""'],
      ['jti', '["x"]'],
    ].map(([name = '', value = '']): Vector => [`${name}: ${value}`, replaced(name, value)]),
  ]
}

/** Signed by the trusted key, with a duplicate member: which one counts depends on the parser. */
export function doubledMembers(key: TrustedKey, typ: string, claims: () => Json): Vector[] {
  const kid = JSON.stringify(key.kid)
  const good = `{"alg":"${key.alg}","typ":"${typ}","kid":${kid}}`
  const text = () => JSON.stringify(claims())
  const first = (member: string) => text().replace('{', `{${member},`)
  const own = (name: string) => JSON.stringify(claims()[name])
  return [
    [
      'header: alg, the last good',
      signWith(key, `{"alg":"none","alg":"${key.alg}","typ":"${typ}","kid":${kid}}`, claims()),
    ],
    ['header: kid, the last good', signWith(key, good.replace('{', '{"kid":"x",'), claims())],
    ['header: alg, once escaped', signWith(key, good.replace('{', '{"\\u0061lg":"none",'), claims())],
    ['header: typ', signWith(key, good.replace('{', '{"typ":"JOSE",'), claims())],
    [
      'header: crit hidden behind another member',
      signWith(key, good.replace('{', '{"x":{"crit":[1],"crit":[]},'), claims()),
    ],
    ['payload: exp, the last good', signWith(key, good, first('"exp":0'))],
    ['payload: sub, the last good', signWith(key, good, first('"sub":"admin"'))],
    ['payload: sub, once escaped', signWith(key, good, first('"\\u0073ub":"admin"'))],
    ['payload: aud, the last good', signWith(key, good, first('"aud":"https://evil.example"'))],
    ['payload: the same value twice', signWith(key, good, first(`"sub":${own('sub')}`))],
    ['payload: __proto__', signWith(key, good, first('"__proto__":{"admin":true}'))],
    ['payload: not UTF-8', signWith(key, good, Buffer.from(first('"x":"\xff"'), 'latin1'))],
    ['payload: a byte order mark', signWith(key, good, `\ufeff${text()}`)],
    ['header: a byte order mark', signWith(key, `\ufeff${good}`, claims())],
    ['header: not UTF-8', signWith(key, Buffer.from(good.replace('{', '{"x":"\xff",'), 'latin1'), claims())],
  ]
}
