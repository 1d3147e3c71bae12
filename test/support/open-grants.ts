import { randomBytes } from 'node:crypto'
import { digest, randomText } from '../../src/platform/secrets/digest.ts'
import type { ClientId, GrantId, Sub } from '../../src/records/ids.ts'
import type { Signet } from '../../src/signet.ts'
import { encodeRefreshToken, familyDigest } from '../../src/tokens/refresh-token.ts'
import { defaultRedirectUri } from './idp.ts'

/** Whom a grant is for, and what it allows. The client must be first-party, because there is no consent. */
interface Wanted {
  readonly clientId: ClientId
  readonly sub: Sub
  readonly scopes?: readonly string[]
}

/** Opens a grant with what the application needs for its tokens, without a browser: a code, a device code, and a refresh token. */
export async function openGrant({ database, secrets }: Pick<Signet, 'database' | 'secrets'>, wanted: Wanted) {
  const { clientId, sub, scopes = ['offline_access'] } = wanted
  const id = randomText(16) as GrantId
  await database.query({
    text: `INSERT INTO grants (id, client_id, sub, scopes, resources, auth_time, acr, amr, epoch, client_epoch)
           SELECT $1, client_id, sub, $4, '{}', now(), 'aal1', '{pwd}', epoch, clients.grant_epoch
           FROM clients, accounts WHERE client_id = $2 AND sub = $3`,
    values: [id, clientId, sub, scopes],
  })
  return {
    id,
    insertCode: async () => {
      const code = randomText(32)
      await database.query({
        text: `INSERT INTO authorization_codes (digest, grant_id, redirect_uri, sid, expires_at)
               VALUES ($1, $2, $3, 'sid', now() + interval '1 minute')`,
        values: [digest(code), id, defaultRedirectUri],
      })
      return { code, redirectUri: defaultRedirectUri, codeVerifier: undefined, resource: [], hmacKey: undefined }
    },
    insertDeviceCode: async () => {
      const deviceCode = randomText(32)
      await database.query({
        text: `INSERT INTO device_requests (digest, client_id, scopes, resources, expires_at, poll_interval, grant_id, sid)
               VALUES ($1, $2, $3, '{}', now() + interval '10 minutes', 5, $4, 'sid')`,
        values: [digest(deviceCode), clientId, scopes, id],
      })
      return { deviceCode, resource: [], hmacKey: undefined }
    },
    insertFamily: async () => {
      const secret = secrets['refresh-mac']
      const family = randomBytes(32)
      const key = familyDigest({ family, generation: 0 })
      await database.query({
        text: `INSERT INTO refresh_families (digest, grant_id, secret_version, sid, expires_at, max_expires_at)
               VALUES ($1, $2, $3, 'sid', now() + interval '30 days', now() + interval '90 days')`,
        values: [key, id, secret.current],
      })
      /** The token of a generation. */
      const token = (generation: number) => encodeRefreshToken(secret, secret.current, { family, generation })
      return {
        key,
        token,
        request: (generation: number) => ({
          ...{ refreshToken: token(generation), scope: undefined, resource: [], hmacKey: undefined },
        }),
      }
    },
  }
}
