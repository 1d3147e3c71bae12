import type { Provable } from '../html/proof-forms.tsx'
import type { OpenRecovery } from '../operations/open-recovery.ts'
import { passkeyCreationOptions, passkeyRequestOptions } from '../operations/passkey-options.ts'
import { displayName } from '../records/accounts/account.ts'
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

/**
 * The options for a new passkey that is set by a link.
 *
 * @returns undefined if the person cannot create one
 */
export async function optionsForRecovery(
  signet: Signet,
  browserDigest: Buffer,
  { account, sets }: Pick<OpenRecovery, 'account' | 'sets'>,
): Promise<string | undefined> {
  if (!sets.includes('passkey')) return undefined
  const { sub, email, username } = account
  const named = { name: email ?? username ?? sub, displayName: displayName(account) }
  const existing = await listPasskeys(signet.database, sub)
  return passkeyCreationOptions(signet, { browserDigest, sub, ...named, existing, use: 'recovery' })
}
