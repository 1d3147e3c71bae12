import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSealedKey, type NewKey } from '../../src/key-ring/sealed-key.ts'
import { putSigningKey } from '../../src/key-ring/signing-keys-store.ts'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import type { Queryable } from '../../src/platform/database/queryable.ts'
import { signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'

/** The master key of every Signet in the tests. */
export const testMasterKey = Buffer.alloc(32, 'test').toString('base64url')

const folder = join(packageFolder, '.signet/test')
const file = join(folder, 'signing-keys-4.json')

/**
 * Gives an empty installation the same keys in all tests: one active key and two standbys per algorithm. Generating RSA keys takes half a
 * second, hundreds of times. Key generation has its own tests (test/flows/start.test.ts, test/key-ring).
 */
export async function insertTestKeys(db: Queryable): Promise<void> {
  const keys = readKeys() ?? (await makeKeys())
  const publishedAt = Date.now()
  for (const [index, key] of keys.entries())
    await putSigningKey(db, {
      ...key,
      publishedAt,
      activatesAt: publishedAt + (index % 3) * 90 * 86_400_000,
      longestLifetime: 0,
      retiresAt: undefined,
      revokedAt: undefined,
    })
}

function readKeys(): NewKey[] | undefined {
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as (Omit<NewKey, 'sealedPrivateJwk'> & { sealed: string })[]
    return stored.map(({ sealed, ...key }) => ({ ...key, sealedPrivateJwk: Buffer.from(sealed, 'base64url') }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function makeKeys(): Promise<NewKey[]> {
  const setting = { masterKey: Buffer.from(testMasterKey, 'base64url'), masterKeyPrevious: undefined, keysDir: folder }
  const masterKey = await openMasterKey(setting, false)
  const keys = await Promise.all(
    signingAlgorithms.flatMap((alg) => [alg, alg, alg]).map((alg) => createSealedKey(alg, masterKey)),
  )
  const stored = keys.map(({ sealedPrivateJwk, ...key }) => ({
    ...key,
    sealed: sealedPrivateJwk.toString('base64url'),
  }))
  mkdirSync(folder, { recursive: true })
  const aside = `${file}.${randomBytes(6).toString('hex')}`
  writeFileSync(aside, JSON.stringify(stored), { mode: 0o600 })
  renameSync(aside, file)
  return keys
}
