import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import type { Test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { readSettings } from '../../src/platform/config/settings.ts'
import { type CookieNames, cookieNames } from '../../src/platform/http/cookies.ts'
import type { Outgoing } from '../../src/platform/outgoing/outgoing.ts'
import { randomText } from '../../src/platform/secrets/digest.ts'
import { overloadLimits } from '../../src/protocol/http/overload.ts'
import type { ServerOverload } from '../../src/protocol/http/server.ts'
import type { Profile } from '../../src/records/accounts/account.ts'
import { insertAccount } from '../../src/records/accounts/accounts-store.ts'
import { createPasswordHashing, type PasswordHashing } from '../../src/records/accounts/password-hashing.ts'
import { type Client, type ClientMetadata, usesSecret } from '../../src/records/clients/client.ts'
import { createClientKeySets } from '../../src/records/clients/client-keys.ts'
import { findClient, insertClient } from '../../src/records/clients/clients-store.ts'
import { storedSecret } from '../../src/records/clients/hmac-secrets.ts'
import type { ClientId, Sub } from '../../src/records/ids.ts'
import type { Resource } from '../../src/records/resources/resource.ts'
import { saveResource } from '../../src/records/resources/resources-store.ts'
import type { Signet } from '../../src/signet.ts'
import { start } from '../../src/start.ts'
import { migratedDatabase, testDatabase } from '../database.ts'
import { type Browser, createBrowser } from './browser.ts'
import { freePort } from './free-port.ts'
import { insertTestKeys, testMasterKey } from './signing-keys.ts'

export { freePort } from './free-port.ts'

export type TestClient = Client & { readonly secret: string | undefined }

/** Members of any kind of client. Members that do not belong to the kind, such as keys on a client with a secret, are never read back. */
type SomeMetadata = Partial<Pick<ClientMetadata, keyof ClientMetadata>>

export interface Person {
  readonly sub: Sub
  readonly email: string
  readonly username: string
  readonly password: string
}

export interface Idp {
  readonly issuer: string
  /** The issuer's cookie names. */
  readonly cookieNames: CookieNames
  readonly signet: Signet
  /** Everything that was logged, one JSON line per entry. */
  readonly logged: () => string
  readonly client: (metadata?: SomeMetadata) => Promise<TestClient>
  readonly resource: (
    identifier: string,
    scopes: string[],
    more?: Partial<
      Pick<
        Resource,
        | 'accessTokenTtl'
        | 'scopeDescriptions'
        | 'servedBy'
        | 'userinfoAudience'
        | 'groupsClaim'
        | 'selfRegisteredClients'
      >
    >,
  ) => Promise<void>
  /** Changes columns of a client, and makes the node see it at once; `more` are the values of $2, $3 and so on. */
  readonly changeClient: (client: TestClient, assignments: string, ...more: unknown[]) => Promise<void>
  readonly person: (profile?: Profile & { email?: string; password?: string }) => Promise<Person>
  readonly browser: () => Browser
  /** POST /token with these parameters, authenticated with the client's registered method. */
  readonly token: (client: TestClient, parameters: Record<string, string>) => Promise<Reply>
  /** Starts a second node on the same database. */
  readonly another: (environment?: Record<string, string>) => Promise<Idp>
  readonly stop: () => Promise<void>
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary members of responses
  readonly body: any
}

export const defaultRedirectUri = 'https://app.example/callback'

/** Nothing is refused because the machine that runs the tests is busy. */
const unhurried = {
  ...overloadLimits,
  ...{ patience: Number.POSITIVE_INFINITY, deadline: Number.POSITIVE_INFINITY, fewDeadline: Number.POSITIVE_INFINITY },
}

/** argon2id as in production, but with a fiftieth of the work: hundreds of people sign in during the tests. */
export const cheapHashing = { memoryCost: 1024, timeCost: 1, parallelism: 1 }

/** A complete Signet on its own port, with an empty schema. It is stopped when the test ends. */
export async function startSignet(
  t: Test,
  environment: Record<string, string> = {},
  more: {
    readonly passwordHashing?: 'as in production'
    readonly passwords?: PasswordHashing
    readonly outgoing?: Outgoing
    readonly overload?: Partial<ServerOverload>
  } = {},
): Promise<Idp> {
  const isGiven = environment['SIGNET_DATABASE_SCHEMA'] !== undefined
  const { url, schema, openPool } = isGiven ? await testDatabase(t) : await migratedDatabase(t)
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const issuer = environment['SIGNET_ISSUER'] ?? `http://localhost:${await freePort()}`
  if (!isGiven) await insertTestKeys(openPool({ max: 1 }))
  const passwords = more.passwords ?? createPasswordHashing(more.passwordHashing ? undefined : cheapHashing)
  return startNode(
    t,
    { passwords, outgoing: more.outgoing, overload: more.overload },
    {
      SIGNET_DATABASE_URL: url,
      SIGNET_DATABASE_SCHEMA: schema,
      SIGNET_ISSUER: issuer,
      SIGNET_KEYS_DIR: join(folder, 'keys'),
      SIGNET_DATA_DIR: join(folder, 'data'),
      SIGNET_MASTER_KEY: testMasterKey,
      SIGNET_DATABASE_POOL: '5',
      SIGNET_LOG_LEVEL: 'trace',
      ...environment,
    },
  )
}

/** Parts of Signet that tests replace. */
interface Replacements {
  readonly passwords: PasswordHashing
  /** Default: that of the server. */
  readonly outgoing: Outgoing | undefined
  readonly overload: Partial<ServerOverload> | undefined
}

async function startNode(t: Test, replacements: Replacements, environment: Record<string, string>): Promise<Idp> {
  const { passwords, outgoing, overload } = replacements
  const settings = readSettings(environment, tmpdir())
  let log = ''
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      log += chunk
      done()
    },
  })
  const {
    signet: started,
    startHeartbeat,
    startJobs,
    stop: stopSignet,
  } = await start(settings, pino({ level: settings.logLevel }, sink), { outgoing })
  await startHeartbeat()
  startJobs()
  const isNamed = (host: string) => started.settings.clientIdMetadataHosts.includes(host)
  const signet = {
    ...started,
    passwords,
    ...(outgoing ? { outgoing, clientKeys: createClientKeySets(outgoing, isNamed) } : {}),
  }
  const app = buildApp(signet, { overload: overload ?? { limits: unhurried } })
  await app.listen({ host: '127.0.0.1', port: settings.port })
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= app.close().then(stopSignet)
    return stopped
  }
  t.teardown(stop)
  // A certificate is for a name.
  const base = settings.tls ? settings.issuer : `http://127.0.0.1:${settings.port}`

  return {
    issuer: settings.issuer,
    cookieNames: cookieNames(settings.issuer),
    signet,
    logged: () => log,
    stop,
    browser: () => createBrowser(settings.issuer, base),
    client: async (metadata = {}) => {
      const secret = usesSecret(completed(metadata)) ? randomText(32) : undefined
      const clientId = `client_${randomText(16)}` as ClientId
      await insertClient(
        signet.database,
        clientId,
        completed(metadata),
        secret === undefined ? undefined : storedSecret(signet.secrets, clientId, completed(metadata), secret),
      )
      return { ...((await findClient(signet.database, clientId)) as Client), secret }
    },
    resource: async (identifier, scopes, more = {}) => {
      await saveResource(signet.database, {
        identifier,
        name: undefined,
        scopes,
        scopeDescriptions: more.scopeDescriptions ?? [],
        accessTokenTtl: more.accessTokenTtl,
        accessTokenSigningAlg: 'ES256',
        servedBy: more.servedBy ?? [],
        userinfoAudience: more.userinfoAudience ?? false,
        groupsClaim: more.groupsClaim ?? false,
        selfRegisteredClients: more.selfRegisteredClients ?? false,
      })
      // Do not wait until PostgreSQL has notified this node.
      signet.clients.clear()
    },
    changeClient: async ({ client_id: clientId }, assignments, ...more) => {
      await signet.database.query({
        text: `UPDATE clients SET ${assignments} WHERE client_id = $1`,
        values: [clientId, ...more],
      })
      // Do not wait until PostgreSQL has notified this node.
      signet.clients.clear()
    },
    person: async ({ email, password, ...profile } = {}) => {
      const person = {
        sub: randomText(16) as Sub,
        username: profile.username ?? `person.${randomBytes(5).toString('hex')}`,
        email: email ?? `${randomBytes(6).toString('hex')}@example.com`,
        password: password ?? randomText(12),
      }
      const inserted = await insertAccount(signet.database, {
        sub: person.sub,
        profile: { ...profile, username: person.username },
        email: person.email,
        passwordHash: await signet.passwords.hash(person.password, { network: undefined }),
      })
      if (inserted !== 'done') throw new Error(`The test's account could not be inserted: ${inserted}`)
      return person
    },
    token: (client, parameters) => postToken(`${base}/token`, client, parameters),
    another: async (more = {}) => {
      const port = await freePort()
      return startNode(t, replacements, { ...environment, SIGNET_PORT: String(port), ...more })
    },
  }
}

async function postToken(url: string, client: TestClient, parameters: Record<string, string>): Promise<Reply> {
  const headers: Record<string, string> = {}
  const form = new URLSearchParams(parameters)
  if (usesSecret(client) && client.token_endpoint_auth_method !== 'client_secret_post')
    headers['authorization'] = basic(client.client_id, client.secret ?? '')
  else form.set('client_id', client.client_id)
  if (client.token_endpoint_auth_method === 'client_secret_post') form.set('client_secret', client.secret ?? '')
  const response = await fetch(url, { method: 'POST', headers, body: form })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** RFC 6749 §2.3.1: form-encoded, then joined, then base64. */
export function basic(clientId: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(secret)}`).toString('base64')}`
}

function completed(metadata: SomeMetadata): ClientMetadata {
  return {
    client_name: 'Test client',
    application_type: 'web',
    redirect_uris: [defaultRedirectUri],
    post_logout_redirect_uris: [],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: 'openid profile email offline_access',
    token_endpoint_auth_method: 'client_secret_basic',
    token_endpoint_auth_signing_alg: undefined,
    jwks: undefined,
    jwks_uri: undefined,
    subject_type: 'public',
    sector_identifier_uri: undefined,
    id_token_signed_response_alg: 'ES256',
    userinfo_signed_response_alg: undefined,
    request_object_signing_alg: undefined,
    require_signed_request_object: false,
    request_uris: [],
    require_pushed_authorization_requests: false,
    default_max_age: undefined,
    default_acr_values: [],
    require_auth_time: false,
    client_uri: undefined,
    logo_uri: undefined,
    policy_uri: undefined,
    tos_uri: undefined,
    initiate_login_uri: undefined,
    backchannel_logout_uri: undefined,
    backchannel_logout_session_required: false,
    frontchannel_logout_uri: undefined,
    frontchannel_logout_session_required: false,
    contacts: [],
    software_id: undefined,
    software_version: undefined,
    require_pkce: true,
    require_issuer_audience: false,
    first_party: false,
    refresh_token_rotation: metadata.token_endpoint_auth_method === 'none',
    resources: [],
    id_token_profile_claims: false,
    groups: [],
    ...metadata,
  } as ClientMetadata
}
