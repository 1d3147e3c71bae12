import t from 'tap'
import { deleteClient } from '../../src/operations/client-registration.ts'
import { deleteAccount } from '../../src/operations/delete-account.ts'
import { revokeGrantsOfClient, revokeGrantsOfPerson } from '../../src/operations/revoke-grants.ts'
import { endAllAccess, endConnection, markClientDeleted } from '../../src/records/endings/decisions-store.ts'
import { endGrant } from '../../src/records/endings/end-rows-store.ts'
import type { Ending } from '../../src/records/endings/ending.ts'
import type { ClientId, GrantId, Sub, Subject } from '../../src/records/ids.ts'
import type { AccessTokenContent } from '../../src/tokens/access-token.ts'
import type { IdTokenContent } from '../../src/tokens/id-token.ts'

const [sub, clientId, grantId] = ['person' as Sub, 'client_one' as ClientId, 'grant' as GrantId]
const reason = 'account_deleted'

/** Compiled but never called. Each line below a comment must be an error; otherwise the tests cannot be built. */
type Db = Parameters<typeof endGrant>[0]
type Signet = Parameters<typeof deleteAccount>[0]
export const refused = (db: Db, signet: Signet, by: Parameters<typeof deleteAccount>[1]): unknown[] => [
  // @ts-expect-error a client is not a person
  endAllAccess(db, clientId, reason),
  // @ts-expect-error a typed name is not a person
  endAllAccess(db, 'person', reason),
  // @ts-expect-error a client is not a person
  deleteAccount(signet, by, clientId),
  // @ts-expect-error a client is not a person
  revokeGrantsOfPerson(signet, by, clientId),
  // @ts-expect-error a person is not a client
  revokeGrantsOfClient(signet, by, sub),
  // @ts-expect-error a person is not a client
  deleteClient(signet, by, sub),
  // @ts-expect-error a person is not a client
  markClientDeleted(db, sub),
  // @ts-expect-error the two are in the wrong order
  endConnection(db, clientId, sub),
  // @ts-expect-error a person is not a grant
  endGrant(db, sub, reason),
  // @ts-expect-error a client is not a person
  { kind: 'account', reason, sub: clientId, epoch: 1 } satisfies Ending,
  // @ts-expect-error an account's own sub may not get into a token
  { sub } satisfies Pick<IdTokenContent, 'sub'>,
  // @ts-expect-error nor into this one
  { sub } satisfies Pick<AccessTokenContent, 'sub'>,
  // @ts-expect-error what a client calls a person is not an account
  deleteAccount(signet, by, 'subject' as Subject),
  // @ts-expect-error a grant is not a client
  { kind: 'client', reason: 'client_deleted', clientId: grantId } satisfies Ending,
]

t.test('the compiler rejects ending or deleting a record by an id of another kind', async (t) =>
  t.type(refused, Function),
)
