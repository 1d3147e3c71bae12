// @ts-check
// Verifies a token as a verifier of this issuer would (RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725 §3), but continues after the first fault,
// in order to show all of them.

import { visible } from './json.js'
import { bad, good, note } from './token.js'

/**
 * @typedef {import('./token.js').Finding} Finding
 * @typedef {import('./token.js').Jws} Jws
 * @typedef {Readonly<Record<string, unknown>>} Jwk
 */

/** The members of a header or a payload that are times, in seconds since 1970. */
export const times = ['exp', 'nbf', 'iat', 'auth_time', 'updated_at']

/** The last second that a Date can represent (ECMA-262 §21.4.1.1). */
export const lastSecond = 8.64e12

/** Larger values are probably milliseconds: as seconds since 1970, this is the year 5138. */
const minMilliseconds = 1e11

/** Tolerated difference between two clocks, in seconds. */
const clockSkew = 60

/** @type {Readonly<Record<string, { parameters: RsaHashedImportParams & EcKeyImportParams & EcdsaParams & Partial<RsaPssParams>, members: string[] }>>} */
const algorithms = {
  ES256: {
    parameters: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
    members: ['kty', 'crv', 'x', 'y'],
  },
  RS256: {
    parameters: { name: 'RSASSA-PKCS1-v1_5', namedCurve: '', hash: 'SHA-256' },
    members: ['kty', 'n', 'e'],
  },
  PS256: {
    parameters: { name: 'RSA-PSS', namedCurve: '', hash: 'SHA-256', saltLength: 32 },
    members: ['kty', 'n', 'e'],
  },
  EdDSA: {
    parameters: { name: 'Ed25519', namedCurve: '', hash: '' },
    members: ['kty', 'crv', 'x'],
  },
}

/**
 * @param {Jws} token
 * @param {object} issuer
 * @param {string} issuer.issuer its identifier
 * @param {() => Promise<readonly Jwk[] | 'noKeys' | 'noCrypto'>} issuer.findKeys fetches the JWK Set; called only if the keys are needed
 * @param {number} now seconds since 1970
 * @returns {Promise<{ verdict: string, findings: Finding[] }>}
 */
export async function judge(token, { issuer, findKeys }, now) {
  const header = token.header.members
  const payload = token.payload.members
  const signed = header ? await judgeSignature(token, header, payload, issuer, findKeys) : []
  const claimed = payload ? judgeClaims(payload, issuer, now) : []
  const kind = header && payload ? judgeKind(header, payload) : []
  // Without a valid signature, nothing in the token counts in its favour.
  const proven = signed.some(({ key }) => key === 'signatureFits')
  const findings = [
    ...token.findings,
    ...signed,
    ...claimed.filter(({ tone }) => proven || tone !== 'good'),
    ...(proven ? kind : payload ? [note('unproven')] : []),
  ]
  const has = (/** @type {string[]} */ ...keys) => findings.some(({ key }) => keys.includes(key))
  if (proven && !has('expired', 'notYet')) findings.push(note('notAsked'))

  /** @returns {string} */
  const verdict = () => {
    if (!header || !payload) return 'unreadable'
    if (has('algNone', 'signatureWrong', 'signatureLength'))
      return has('issOther') && !has('algNone') ? 'elsewhere' : 'forged'
    if (has('noKeys', 'noCrypto')) return 'unchecked'
    if (has('kidElsewhere') || (has('issOther') && !proven)) return 'elsewhere'
    if (!proven) return 'forged'
    const faults = findings.filter(({ tone, key }) => tone === 'bad' && key !== 'expired' && key !== 'notYet')
    if (faults.length > 0) return 'faulty'
    return has('expired') ? 'expired' : has('notYet') ? 'early' : 'genuine'
  }
  return { verdict: verdict(), findings }
}

/**
 * @param {Jws} token
 * @param {Jwk} header
 * @param {Jwk | undefined} payload
 * @param {string} issuer
 * @param {() => Promise<readonly Jwk[] | 'noKeys' | 'noCrypto'>} findKeys
 * @returns {Promise<Finding[]>}
 */
async function judgeSignature({ text, signature }, header, payload, issuer, findKeys) {
  const { alg, kid, crit } = header
  /** @type {Finding[]} */
  const findings = []
  // RFC 7515 §4.1.11
  if (crit !== undefined) findings.push(bad('crit', { names: shown(crit) }))
  if (alg === undefined) return [...findings, bad('algMissing')]
  // RFC 8725 §3.2, in any spelling.
  if (typeof alg === 'string' && alg.toLowerCase() === 'none') return [...findings, bad('algNone')]
  if (typeof alg === 'string' && /^HS\d+$/.test(alg)) return [...findings, bad('algSymmetric', { alg })]
  const algorithm = typeof alg === 'string' && Object.hasOwn(algorithms, alg) ? algorithms[alg] : undefined
  if (!algorithm) return [...findings, bad('algOther', { alg: shown(alg) })]
  if (!signature.bytes) return findings
  if (kid === undefined) findings.push(bad('kidMissing'))

  const keys = await findKeys()
  if (keys === 'noKeys' || keys === 'noCrypto') return [...findings, note(keys)]
  const named = kid === undefined ? keys : keys.filter((key) => key['kid'] === kid)
  const fitting = named.filter((key) => key['alg'] === alg)
  if (named.length === 0) {
    const iss = payload?.['iss']
    return [
      ...findings,
      iss === undefined || iss === issuer
        ? bad('kidUnknown', { kid: shown(kid) })
        : bad('kidElsewhere', { kid: shown(kid), iss: shown(iss) }),
    ]
  }
  if (fitting.length === 0)
    return [...findings, bad('algMismatch', { kid: shown(kid), expected: shown(named[0]?.['alg']), alg: shown(alg) })]
  // RFC 7518 §3.4
  if (alg === 'ES256' && signature.bytes.length !== 64)
    return [...findings, bad('signatureLength', { count: String(signature.bytes.length) })]
  const input = new TextEncoder().encode(text.slice(0, text.lastIndexOf('.')))
  try {
    for (const key of fitting)
      if (await fits(algorithm, key, input, signature.bytes))
        return [...findings, good('signatureFits', { kid: shown(key['kid']) })]
  } catch (error) {
    // Browsers have had Ed25519 since 2025.
    if (!(error instanceof Error) || error.name !== 'NotSupportedError') throw error
    return [...findings, note('algNotHere', { alg: shown(alg) })]
  }
  return [...findings, bad('signatureWrong')]
}

/**
 * @param {{ parameters: RsaHashedImportParams & EcKeyImportParams & EcdsaParams & Partial<RsaPssParams>, members: string[] }} algorithm
 * @param {Jwk} jwk
 * @param {Uint8Array<ArrayBuffer>} input
 * @param {Uint8Array<ArrayBuffer>} signature
 */
async function fits({ parameters, members }, jwk, input, signature) {
  const picked = Object.fromEntries(members.map((member) => [member, jwk[member]]))
  const key = await crypto.subtle.importKey('jwk', picked, parameters, false, ['verify'])
  return crypto.subtle.verify(parameters, key, signature, input)
}

/**
 * @param {Jwk} payload
 * @param {string} issuer
 * @param {number} now seconds since 1970
 * @returns {Finding[]}
 */
function judgeClaims(payload, issuer, now) {
  const { iss, exp, nbf, iat, aud, cnf } = payload
  /** @type {Finding[]} */
  const findings = []
  if (iss === undefined) findings.push(bad('issMissing'))
  else findings.push(iss === issuer ? good('issOurs') : bad('issOther', { iss: shown(iss), issuer }))

  if (exp === undefined) findings.push(bad('expMissing'))
  else if (typeof exp === 'number')
    findings.push(exp <= now ? bad('expired', { when: { seconds: exp } }) : good('expGood', { when: { seconds: exp } }))
  if (typeof nbf === 'number' && nbf > now) findings.push(bad('notYet', { when: { seconds: nbf } }))
  if (typeof iat === 'number' && iat > now + clockSkew) findings.push(note('issuedAhead', { when: { seconds: iat } }))
  for (const name of times) {
    const time = payload[name]
    if (time !== undefined && typeof time !== 'number') findings.push(bad('notATime', { name }))
    if (typeof time === 'number' && time > minMilliseconds) findings.push(note('milliseconds', { name }))
  }
  if (Array.isArray(aud) && aud.length > 1) findings.push(note('manyAudiences'))
  // RFC 7800 §3.1
  if (cnf !== undefined) findings.push(note('bound'))
  return findings
}

/**
 * What kind of token it is, and who should accept it.
 *
 * @param {Jwk} header
 * @param {Jwk} payload
 * @returns {Finding[]}
 */
function judgeKind({ typ }, payload) {
  const aud = shown(payload['aud'] ?? '?')
  // RFC 7515 §4.1.9: a media type, case-insensitive, with or without `application/`.
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ
  if (type === 'at+jwt') return [note('accessToken', { aud })]
  if (type === 'logout+jwt') return [note('logoutToken', { aud })]
  if (type !== undefined && type !== 'jwt') return [note('otherKind', { typ: shown(typ) })]
  // OpenID Connect Core §2 defines no typ. Other kinds of token do not have these claims.
  const isIdToken = ['nonce', 'at_hash', 'c_hash', 'auth_time', 'amr'].some((name) => Object.hasOwn(payload, name))
  return isIdToken && payload['client_id'] === undefined ? [note('idToken', { aud })] : []
}

/**
 * @param {unknown} value
 * @returns {string} on one line, shortened
 */
function shown(value) {
  const text = visible(typeof value === 'string' ? value : written(value))
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

/** @param {unknown} value */
function written(value) {
  try {
    return JSON.stringify(value)
  } catch {
    // Nested too deeply for the engine's stack.
    return '…'
  }
}
