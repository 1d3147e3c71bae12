import type { Queryable } from '../../platform/database/queryable.ts'
import type { Account } from '../../records/accounts/account.ts'
import { type AccountRow, accountColumns, accountEmail, accountFromRow } from '../../records/accounts/accounts-store.ts'
import { grantAlive, grantJudges } from '../../records/endings/judgement-store.ts'

/** The account of a token's subject, if the grant that the token came from is alive: one round trip. */
export async function findGrantedAccount(db: Queryable, grantId: string, sub: string): Promise<Account | undefined> {
  const { rows } = await db.query<AccountRow>({
    name: 'find-granted-account',
    text: `SELECT ${accountColumns} FROM grants ${grantJudges} ${accountEmail}
           WHERE grants.id = $1 AND accounts.sub = $2 AND ${grantAlive}`,
    values: [grantId, sub],
  })
  return rows[0] && accountFromRow(rows[0])
}
