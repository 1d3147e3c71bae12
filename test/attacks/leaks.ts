import { openSealedKey } from '../../src/key-ring/sealed-key.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'
import type { Idp } from '../support/idp.ts'

/** Secrets, under the names that a finding gets. */
export type Secrets = ReadonlyMap<string, string>

/** A secret as it is, and in the dresses that it could hide in. */
export function* dressesOf(secret: string): Generator<string> {
  const raw = Buffer.from(secret, 'base64url')
  yield secret
  yield encodeURIComponent(secret)
  for (const bytes of [Buffer.from(secret), ...(raw.toString('base64url') === secret ? [raw] : [])]) {
    yield bytes.toString('hex')
    yield bytes.toString('base64').replace(/=+$/, '')
    yield bytes.toString('base64url')
  }
}

/** Looks for the secrets in a text; gives the names of those that it holds. */
export function createSearch(secrets: Secrets): (text: string) => string[] {
  const dressed = [...secrets].map(([name, secret]) => [name, [...new Set(dressesOf(secret))]] as const)
  return (text) => dressed.filter(([, dresses]) => dresses.some((dress) => text.includes(dress))).map(([name]) => name)
}

/** What no answer may ever hold: the private members of every key, the secret of every purpose, and the master key. */
export async function installationSecrets(idp: Idp): Promise<Map<string, string>> {
  const { settings, database, secrets } = idp.signet
  const masterKey = await openMasterKey(settings, true)
  const all = new Map([['the master key', settings.masterKey?.toString('base64url') ?? '']])
  for (const [purpose, { versions }] of Object.entries(secrets))
    for (const [version, secret] of versions) all.set(`${purpose} ${version}`, secret.toString('base64url'))
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
