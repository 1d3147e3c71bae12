import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { insertTestKeys, testMasterKey } from '../support/signing-keys.ts'
import { type Console, openConsole } from './console.ts'

export interface ListedKey {
  readonly kid: string
  readonly alg: string
  readonly state: string
  readonly activates_at: string
  readonly [member: string]: unknown
}

export interface KeysInstallation extends Console {
  readonly keysDir: string
  /** The kids of one algorithm's keys in a state, in signing order. */
  readonly kids: (state: string, alg?: string) => Promise<string[]>
  /** Makes all keys this many days older. */
  readonly age: (days: number) => Promise<void>
}

/** A separate installation with its own `master.key` and ready-made keys. */
export async function openKeysInstallation(t: Test): Promise<KeysInstallation> {
  const console = await openConsole(t, {}, 'made')
  const keysDir = console.environment['SIGNET_KEYS_DIR'] ?? ''
  mkdirSync(keysDir)
  writeFileSync(join(keysDir, 'master.key'), `${testMasterKey}\n`, { mode: 0o600 })
  await console.json('migrate')
  await insertTestKeys(console.database)
  return {
    ...console,
    keysDir,
    kids: async (state, alg = 'ES256') =>
      (await console.json<ListedKey[]>('keys', 'list'))
        .filter((key) => key.state === state && key.alg === alg)
        .map(({ kid }) => kid),
    age: async (days) => {
      await console.database.query({
        text: `UPDATE signing_keys SET published_at = published_at - make_interval(days => $1),
                 activates_at = CASE WHEN activates_at <= now() THEN activates_at - make_interval(days => $1) ELSE activates_at END`,
        values: [days],
      })
    },
  }
}
