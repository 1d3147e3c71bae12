import type { Queryable } from '../platform/database/queryable.ts'
import type { Account } from '../records/accounts/account.ts'
import { type AccountRow, accountColumns, accountEmail, accountFromRow } from '../records/accounts/accounts-store.ts'
import { type GrantTerms, grantTermsJson } from '../records/consents/consents-store.ts'
import { grantAlive, grantStatusJoins } from '../records/endings/liveness-store.ts'
import type { GrantId } from '../records/ids.ts'

/** Reads the account of a token's subject and the terms of the token's grant, if the grant is alive. Takes one round trip. */
export async function findGrantedAccount(
  db: Queryable,
  grantId: GrantId,
  sub: string,
): Promise<{ account: Account; terms: GrantTerms } | undefined> {
  const { rows } = await db.query<AccountRow & { terms: GrantTerms }>({
    name: 'find-granted-account',
    text: `SELECT ${accountColumns}, ${grantTermsJson} AS terms FROM grants ${grantStatusJoins} ${accountEmail}
           WHERE grants.id = $1 AND accounts.sub = $2 AND ${grantAlive}`,
    values: [grantId, sub],
  })
  if (!rows[0]) return undefined
  const { terms, ...row } = rows[0]
  return { account: accountFromRow(row), terms }
}
