import assert from 'node:assert/strict'
import type { JWK } from 'jose'
import { rotateKeys } from '../../../src/operations/rotate-keys.ts'
import { type Module, warnUnless } from '../support/play.ts'
import { readKeys } from '../support/provider.ts'

/**
 * oidcc-server-rotate-keys: the operator runs `signet keys rotate --alg RS256` between two readings of the JWK Set. The suite wants a new key (a new `kid` and new
 * numbers), and that the others are still there. It does not look at tokens.
 */
export const rotateServerKeys: Module = async (play) => {
  const { idp } = play.suite
  const before = play.provider.keys
  // The next keys have been published for long enough, as in an installation that is older than a day.
  await idp.signet.database.query("UPDATE signing_keys SET published_at = published_at - interval '30 days'")
  await idp.signet.keyRing.refresh()
  const operator = { kind: 'operator' as const, by: 'certification' }
  const rotated = await rotateKeys(idp.signet, operator, {
    ...{ algorithms: ['RS256'], immediately: false, reason: undefined },
  })
  assert.equal(rotated.outcome, 'rotated')
  // A running server does this when it is told of the rotation.
  await idp.signet.keyRing.refresh()
  const after = await readKeys(play.provider.metadata.jwks_uri)
  const added = after.filter(({ kid }) => !before.some((key) => key.kid === kid))
  assert.ok(added.length > 0, 'no new key is published')
  for (const key of added) {
    // VerifyNewJwksHasNewSigningKey knows no other types.
    assert.match(String(key.kty), /^(?:RSA|EC)$/)
    const number = (one: JWK) => (key.kty === 'RSA' ? one.n : one.x)
    assert.ok(!before.some((one) => number(one) === number(key)), 'a new kid for an old key')
  }
  for (const { kid } of before)
    warnUnless(
      play,
      after.some((key) => key.kid === kid),
      'an old key is gone',
    )
}
