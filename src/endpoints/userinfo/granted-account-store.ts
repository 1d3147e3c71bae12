import type { Queryable } from '../../platform/database/queryable.ts'
import type { Account } from '../../records/accounts/account.ts'
import { type AccountRow, accountFromRow, accountSelect } from '../../records/accounts/accounts-store.ts'
import { type GrantTerms, grantTermsJson } from '../../records/consents/consents-store.ts'

/**
 * The account of a token's subject and the terms of the token's grant, if the grant is alive and the account may be used: one round
 * trip.
 */
export async function findGrantedAccount(
  db: Queryable,
  grantId: string,
  sub: string,
): Promise<{ account: Account; terms: GrantTerms } | undefined> {
  const { rows } = await db.query<AccountRow & { terms: GrantTerms }>({
    name: 'find-granted-account',
    text: `SELECT account.*, ${grantTermsJson} AS terms
           FROM (${accountSelect}
                 WHERE accounts.sub = $2 AND accounts.deleted_at IS NULL AND accounts.disabled_at IS NULL) AS account
           JOIN grants ON grants.sub = account.sub
           WHERE grants.id = $1 AND grants.ended_at IS NULL`,
    values: [grantId, sub],
  })
  if (!rows[0]) return undefined
  const { terms, ...row } = rows[0]
  return { account: accountFromRow(row), terms }
}
