import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId, SessionId } from '../ids.ts'

/*
 * The clients that a person has signed in to in a session. The SQL function `clients_of_session` (sql/033.do.back-channel-logout.sql) finds them by their grants, also
 * by those that ended before the session did. The trigger that queues logout tokens uses the same function.
 */

/** A client that a page loads when a session has ended (OpenID Connect Front-Channel Logout §2). */
export interface FrontChannelClient {
  readonly client_id: ClientId
  readonly frontchannel_logout_uri: string
}

/** A page does not load more than this. */
const maxFrontChannelClients = 50

/**
 * The clients of a session that have registered a `frontchannel_logout_uri`. The claim `sid` of each is `sessionIdFor` of the same session.
 *
 * @param db in a transaction that is going to end the session: read before that, because its grants say which clients they are
 * @returns at most 50, those first that an operator has registered
 */
export async function findFrontChannelClients(db: Queryable, id: SessionId): Promise<FrontChannelClient[]> {
  const { rows } = await db.query<FrontChannelClient>({
    text: `SELECT client_id, frontchannel_logout_uri FROM clients
           WHERE client_id = ANY (ARRAY(SELECT clients_of_session($1))) AND frontchannel_logout_uri IS NOT NULL AND deleted_at IS NULL
           ORDER BY self_registered LIMIT ${maxFrontChannelClients}`,
    values: [id],
  })
  return rows
}
