import type { Provable } from '../html/proof-forms.tsx'
import { passkeyRequestOptions } from '../operations/passkey-options.ts'
import { listPasskeys } from '../records/accounts/passkeys-store.ts'
import type { RecoveryProof } from '../records/accounts/recovery-rule.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'

/**
 * The forms that a page of a link shows for what can be proven.
 *
 * @param browserDigest the digest of the browser's cookie
 * @param among the ids of the passkeys that are accepted; undefined: all of the account
 */
export async function provableOf(
  signet: Signet,
  browserDigest: Buffer,
  sub: Sub,
  needs: readonly RecoveryProof[],
  among?: readonly number[],
): Promise<Provable> {
  const passkeys = needs.includes('passkey') ? await listPasskeys(signet.database, sub) : []
  const allow = passkeys.filter(({ id }) => among?.includes(id) ?? true)
  const [oneTime, recovery] = [needs.includes('totp'), needs.includes('recovery_code')]
  return {
    passkey:
      allow.length > 0 ? passkeyRequestOptions(signet, { browserDigest, sub, allow, use: 'recovery' }) : undefined,
    code: oneTime && recovery ? 'any' : oneTime ? 'one_time' : recovery ? 'recovery' : undefined,
    password: needs.includes('earlier_password'),
  }
}
