// @ts-check
// Signs and verifies JWTs with WebCrypto, to show the difference between a shared secret and a key pair.

const parameters = {
  HS256: { name: 'HMAC', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
}

/** @typedef {keyof typeof parameters} Algorithm */

const encode = (/** @type {Uint8Array} */ bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replace(/=+$/, '')
    .replace(/\+/g, '-')
    .replace(/\//g, '_')

const bytesOf = (/** @type {string} */ text) => new TextEncoder().encode(text)

/**
 * @param {string} secret at least one character
 * @returns {Promise<CryptoKey>}
 */
export function importSecret(secret) {
  return crypto.subtle.importKey('raw', bytesOf(secret), parameters.HS256, false, ['sign', 'verify'])
}

/** A new key pair for ES256. The private key cannot be exported, not even by this page. */
export function makePair() {
  return crypto.subtle.generateKey(parameters.ES256, false, ['sign', 'verify'])
}

/**
 * @param {Algorithm} alg
 * @param {CryptoKey} key
 * @param {unknown} payload
 * @returns {Promise<string>} a JWS in compact serialization
 * @throws {DOMException} if the key cannot sign
 */
export async function sign(alg, key, payload) {
  const input = [{ alg, typ: 'JWT' }, payload].map((part) => encode(bytesOf(JSON.stringify(part)))).join('.')
  const signature = await crypto.subtle.sign(parameters[alg], key, bytesOf(input))
  return `${input}.${encode(new Uint8Array(signature))}`
}

/**
 * @param {Algorithm} alg the one that the service expects, whatever the token says (RFC 8725 §3.1)
 * @param {CryptoKey} key
 * @param {string} token as `sign` makes it
 */
export async function check(alg, key, token) {
  const end = token.lastIndexOf('.')
  const binary = atob(
    token
      .slice(end + 1)
      .replace(/-/g, '+')
      .replace(/_/g, '/'),
  )
  const signature = Uint8Array.from(binary, (character) => character.charCodeAt(0))
  return crypto.subtle.verify(parameters[alg], key, signature, bytesOf(token.slice(0, end)))
}
