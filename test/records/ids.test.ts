import t from 'tap'
import { deleteAccount } from '../../src/operations/account-access.ts'
import { deleteClient } from '../../src/operations/client-registration.ts'
import { revokeGrantsOfClient, revokeGrantsOfPerson } from '../../src/operations/revoke-grants.ts'
import { endAllAccess, endConnection, markClientDeleted } from '../../src/records/endings/decisions-store.ts'
import { endGrant } from '../../src/records/endings/end-rows-store.ts'
import type { Ending } from '../../src/records/endings/ending.ts'
import type { ClientId, GrantId, Sub } from '../../src/records/ids.ts'

const [sub, clientId, grantId] = ['person' as Sub, 'client_one' as ClientId, 'grant' as GrantId]
const reason = 'account_deleted'

/** Compiled and never called. Each of the lines below a comment has to be an error, or the tests cannot be built. */
type Db = Parameters<typeof endGrant>[0]
type Signet = Parameters<typeof deleteAccount>[0]
export const refused = (db: Db, signet: Signet, by: Parameters<typeof deleteAccount>[1]): unknown[] => [
  // @ts-expect-error a client is no person
  endAllAccess(db, clientId, reason),
  // @ts-expect-error nor is what somebody typed
  endAllAccess(db, 'person', reason),
  // @ts-expect-error a client is no person
  deleteAccount(signet, by, clientId),
  // @ts-expect-error a client is no person
  revokeGrantsOfPerson(signet, by, clientId),
  // @ts-expect-error a person is no client
  revokeGrantsOfClient(signet, by, sub),
  // @ts-expect-error a person is no client
  deleteClient(signet, by, sub),
  // @ts-expect-error a person is no client
  markClientDeleted(db, sub),
  // @ts-expect-error the two are the wrong way round
  endConnection(db, clientId, sub),
  // @ts-expect-error a person is no grant
  endGrant(db, sub, reason),
  // @ts-expect-error a client is no person
  { kind: 'account', reason, sub: clientId, epoch: 1 } satisfies Ending,
  // @ts-expect-error a grant is no client
  { kind: 'client', reason: 'client_deleted', clientId: grantId } satisfies Ending,
]

t.test('the compiler refuses to end or delete what an id of another kind names', async (t) => t.type(refused, Function))
