import type { Account } from '../records/accounts/account.ts'
import { findAccount, listSubs } from '../records/accounts/accounts-store.ts'
import type { Client } from '../records/clients/client.ts'
import type { Signet } from '../signet.ts'
import { subjectFor } from '../tokens/subject.ts'

/** How many accounts are read and compared at a time. */
const pageSize = 2_000

/**
 * Finds the account whom a client knows by this `sub`. That of a pairwise client is stored nowhere, so it is calculated for every account: a million of them
 * take about ten seconds. For operators who answer a question about somebody, never for a request.
 *
 * @param onPage called before each page of accounts is read; what it throws ends the search
 */
export async function findAccountBySubject(
  signet: Pick<Signet, 'database' | 'subjectSalt'>,
  client: Client,
  subject: string,
  onPage: () => void,
): Promise<Account | undefined> {
  const { database } = signet
  if (client.subject_type === 'public') return findAccount(database, subject)
  if (!/^[A-Za-z0-9_-]{22}$/.test(subject)) return undefined
  for (let after: Account['sub'] | undefined; ; ) {
    onPage()
    const subs = await listSubs(database, after, pageSize)
    const found = subs.find((sub) => subjectFor(signet, client, sub) === subject)
    if (found) return findAccount(database, found)
    if (subs.length < pageSize) return undefined
    after = subs.at(-1)
  }
}
