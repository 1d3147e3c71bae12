import assert from 'node:assert/strict'
import type { JWK } from 'jose'
import type { Suite } from './suite.ts'

/** The provider's metadata and keys, as the suite reads them at the beginning of each module. */
export interface Provider {
  // biome-ignore lint/suspicious/noExplicitAny: members are read and judged one by one
  readonly metadata: any
  readonly issuer: string
  readonly keys: readonly JWK[]
}

/** Runs in every module (GetDynamicServerConfiguration, CheckServerConfiguration, FetchServerKeys and what follows them). */
export async function readProvider({ idp }: Suite): Promise<Provider> {
  const url = `${idp.issuer}/.well-known/openid-configuration`
  const response = await fetch(url, { redirect: 'error' })
  assert.equal(response.status, 200, 'the discovery document')
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const metadata = (await response.json()) as any
  for (const name of ['authorization_endpoint', 'token_endpoint', 'issuer'])
    assert.match(String(metadata[name]), /^https:/, name)
  return { metadata, issuer: metadata.issuer, keys: await readKeys(metadata.jwks_uri) }
}

const membersOf: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
}

/** RFC 7517 §4, §5; OpenID Connect Core §10.1: public keys of known types, each with a `kid` of its own. */
export async function readKeys(uri: string): Promise<readonly JWK[]> {
  const response = await fetch(uri, { redirect: 'error' })
  assert.equal(response.status, 200, 'the JWK Set')
  const { keys } = (await response.json()) as { keys: JWK[] }
  assert.ok(Array.isArray(keys) && keys.length > 0, 'the JWK Set has keys')
  for (const key of keys) {
    assert.notEqual(key.kty, 'oct', 'a symmetric key is published')
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) assert.ok(!(member in key), `${member} is published`)
    assert.ok(typeof key.kid === 'string' && key.kid !== '', 'a key has no kid')
    const members = membersOf[String(key.kty)]
    assert.ok(members, `a key of type ${key.kty}`)
    for (const member of members) {
      const value = (key as Record<string, unknown>)[member]
      assert.match(String(value), /^[\w-]+$/, `${member} of a key is not base64url`)
    }
  }
  assert.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length, 'two keys have the same kid')
  return keys
}
