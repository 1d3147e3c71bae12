import type { Queryable } from '../../platform/database/queryable.ts'
import type { Account } from '../../records/accounts/account.ts'
import { type AccountRow, accountFromRow, accountSelect } from '../../records/accounts/accounts-store.ts'

/** The account of a token's subject, if the grant it hangs on lives and the account may be used: one round trip. */
export async function findGrantedAccount(db: Queryable, grantId: string, sub: string): Promise<Account | undefined> {
  const { rows } = await db.query<AccountRow>({
    name: 'find-granted-account',
    text: `${accountSelect}
           JOIN grants ON grants.sub = accounts.sub
           WHERE grants.id = $1 AND accounts.sub = $2 AND grants.ended_at IS NULL
             AND accounts.deleted_at IS NULL AND accounts.disabled_at IS NULL`,
    values: [grantId, sub],
  })
  return rows[0] && accountFromRow(rows[0])
}
