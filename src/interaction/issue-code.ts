import type { Queryable } from '../platform/database/queryable.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import { type Caller, recordEvent } from '../records/events/events-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { sessionIdFor, singleFactor } from '../tokens/authentication.ts'
import { authorizationCodeTtl } from '../tokens/authorization-code.ts'
import { insertCode } from '../tokens/authorization-codes-store.ts'
import type { AuthorizationRequest } from './authorization-request.ts'

/**
 * Opens a grant and issues its code. The code is 256 random bits, of which the database has the digest.
 *
 * @returns undefined when the session, the client or what the person allowed it has ended in the meantime
 */
export async function issueCode(
  signet: Pick<Signet, 'secrets'>,
  db: Queryable,
  request: AuthorizationRequest,
  session: Session,
  caller: Caller,
): Promise<string | undefined> {
  const { client } = request.target
  const code = randomText(32)
  const grantId = randomText(16)
  const issued = await insertCode(db, {
    digest: digest(code),
    ttl: authorizationCodeTtl,
    grant: {
      id: grantId,
      clientId: client.client_id,
      sub: session.account.sub,
      sessionId: session.id,
      epoch: session.accountEpoch,
      scopes: request.scopes,
      resources: request.resources,
      authTime: session.authTime,
      acr: singleFactor,
      amr: session.amr,
    },
    redirectUri: request.target.redirectUri,
    codeChallenge: request.codeChallenge,
    nonce: request.nonce,
    sid: await sessionIdFor(signet.secrets, session, client.client_id),
  })
  if (!issued) return undefined
  await recordEvent(db, {
    type: 'grant_opened',
    caller,
    clientId: client.client_id,
    sub: session.account.sub,
    grantId,
    detail: { scopes: request.scopes },
  })
  return code
}
