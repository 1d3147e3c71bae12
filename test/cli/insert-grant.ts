import { randomBytes } from 'node:crypto'
import type { Database } from '../../src/platform/database/pool.ts'
import { randomText } from '../../src/platform/secrets/digest.ts'
import { completeMetadata } from '../../src/records/clients/client-metadata.ts'
import { insertClient } from '../../src/records/clients/clients-store.ts'
import { noClaims } from '../../src/records/grants/claims-of-request.ts'
import type { ClientId, GrantId, Sid, Sub } from '../../src/records/ids.ts'
import { findSession, insertSession } from '../../src/records/sessions/sessions-store.ts'
import { insertCode } from '../../src/tokens/authorization-codes-store.ts'
import { clientVersion } from '../support/client-version.ts'

/**
 * Signs a person in and opens a grant, as the pages do.
 *
 * @param existing the client; by default a new one
 */
export async function insertGrant(
  database: Database,
  sub: Sub,
  existing?: ClientId,
): Promise<{ grantId: GrantId; clientId: ClientId }> {
  const clientId = existing ?? (`client_${randomText(16)}` as ClientId)
  const terms = { resources: [], defaultIdTokenAlg: 'ES256' } as const
  const metadata = completeMetadata({ redirect_uris: ['https://app.example/callback'] }, terms)
  if (existing === undefined) await insertClient(database, clientId, metadata, undefined)
  const digest = randomBytes(32)
  const authTime = Date.now()
  await insertSession(database, {
    ...{
      digest,
      browserDigest: randomBytes(32),
      sub,
      authTime,
      amr: ['pwd'],
      ttl: 3600,
      sidVersion: 1,
      replaces: undefined,
    },
  })
  const session = await findSession(database, digest, 3600)
  const grantId = randomText(16) as GrantId
  await insertCode(
    database,
    {
      digest: randomBytes(32),
      ttl: 60,
      grant: {
        ...{
          id: grantId,
          clientId,
          sub,
          sessionId: session!.id,
          epoch: session!.accountEpoch,
          scopes: ['openid'],
          resources: [],
          claims: noClaims,
          authTime,
        },
        ...{ acr: '1', amr: ['pwd'] },
      },
      redirectUri: 'https://app.example/callback',
      ...{ codeChallenge: undefined, nonce: undefined, sid: 'sid' as Sid },
      clientUpdatedAt: await clientVersion(database, clientId),
    },
    { opened: { type: 'grant_opened', by: 'test' } },
  )
  return { grantId, clientId }
}
