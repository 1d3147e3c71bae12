import t from 'tap'
import { recoveries } from '../../src/key-ring/recovery.ts'

const moments = { kid: 'k', alg: 'ES256', retiresAt: undefined, revokedAt: undefined } as const
const key = { ...moments, publishedAt: 2_000, activatesAt: 9_000, longestLifetime: 0, sealedPrivateJwk: {} }

/** What a starting node decides if its keys directory records when the key began to sign. */
function onceActivated(activatedAt: number, activatesAt = key.activatesAt) {
  const ledger = { activatedAt: new Map([[key.kid, activatedAt]]), revokedAt: new Map<string, number>() }
  const stored = { keys: [{ ...key, activatesAt }], decisions: 0 }
  return recoveries(stored, { keys: [], now: 0, decisions: 0, ...ledger }, 10_000)
}

t.test('the start of signing is never set before the publication, which the database would reject', async (t) => {
  // The database was recreated, the keys directory was kept, and the same key is imported a second time.
  t.same(onceActivated(1_000, key.publishedAt), [])
  t.same(onceActivated(1_000), [{ what: 'activate', kid: 'k', activatesAt: 2_000 }])
})

t.test('a key that signed before the backup was restored keeps its activation time', async (t) => {
  t.same(onceActivated(5_000), [{ what: 'activate', kid: 'k', activatesAt: 5_000 }])
  t.same(onceActivated(9_000), [])
})

t.test(
  'a key whose revocation was lost is revoked from the current time on, because it has signed in the meantime',
  async (t) => {
    const ledger = { activatedAt: new Map<string, number>(), revokedAt: new Map([[key.kid, 3_000]]) }
    const stored = { keys: [key], decisions: 0 }
    t.same(recoveries(stored, { keys: [], now: 0, decisions: 0, ...ledger }, 10_000), [
      { what: 'revoke', kid: 'k', revokedAt: 10_000 },
    ])
  },
)
