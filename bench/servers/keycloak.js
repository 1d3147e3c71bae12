// Keycloak (https://www.keycloak.org), an identity provider in Java.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { api } from './management-api.js'
import { moveTo } from './signet.js'
import { people, redirectUri, targetOf } from './target.js'

/** Seconds of processor time: more than the others, because Java compiles hot code later than V8. */
const warmUp = 15

/**
 * Starts the Keycloak in the folder that BENCH_KEYCLOAK names, if it does, in production mode and with a database of its own. Java is needed.
 *
 * @param {import('../children.js').Children} children
 * @param {import('../machine.js').Processors} processors
 * @param {import('./postgresql.js').Database | undefined} database
 */
export async function startKeycloak({ run, serve, folder }, processors, database) {
  const installed = process.env['BENCH_KEYCLOAK']
  if (!installed) return undefined
  if (!database) throw new Error('Keycloak needs a PostgreSQL: install one, or name one in BENCH_DATABASE_URL.')
  const url = new URL(await database.create('keycloak'))
  // A copy, because its build step changes the folder.
  const home = join(folder, 'keycloak')
  cpSync(installed, home, { recursive: true })
  const program = join(home, 'bin/kc.sh')
  await run({ program, args: ['build', '--db=postgres'] })
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const server = await serve({
    program,
    args: [
      ...['start', '--optimized', '--http-enabled=true', '--http-host=127.0.0.1', `--http-port=${port}`],
      ...[`--hostname=${origin}`, '--log-level=warn', '--cache=local'],
      ...[`--db-url=jdbc:postgresql://${url.host}${url.pathname}`, `--db-username=${url.username}`],
    ],
    environment: {
      KC_DB_PASSWORD: decodeURIComponent(url.password),
      ...{ KC_BOOTSTRAP_ADMIN_USERNAME: administrator.username, KC_BOOTSTRAP_ADMIN_PASSWORD: administrator.password },
    },
    ...{ processors: processors?.others, readyAt: `${origin}/realms/master` },
  })
  await api(`${origin}/admin`, { authorization: `Bearer ${await administratorToken(origin)}` })(
    'POST',
    '/realms',
    realm,
  )
  if (processors) moveTo(processors.server, server.pid)
  return targetOf({
    ...{ kind: 'Keycloak', name: 'Keycloak', pid: server.pid, issuer: `${origin}/realms/${realm.realm}`, warmUp },
    ...{ machine: ofBoth('machine'), web: ofBoth('web'), database: await database.watch(url.href) },
  })
}

const administrator = { username: 'admin', password: 'a password of a benchmark' }

/** @param {string} origin */
async function administratorToken(origin) {
  const response = await fetch(`${origin}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...administrator }),
  })
  return (await response.json()).access_token
}

/** @param {string} name @param {import('./target.js').Algorithm} alg */
const credentials = (name, alg) => ({
  clientId: `${name}-${alg}`,
  secret: `a secret of the client ${name}, of some length`,
})

/** @param {string} name */
const ofBoth = (name) => ({ ES256: credentials(name, 'ES256'), RS256: credentials(name, 'RS256') })

/** A scope whose tokens are for a resource. @param {string} name @param {string} audience */
const resourceScope = (name, audience) => ({
  ...{ name, protocol: 'openid-connect', attributes: { 'include.in.token.scope': 'true' } },
  protocolMappers: [
    {
      ...{ name: 'audience', protocol: 'openid-connect', protocolMapper: 'oidc-audience-mapper' },
      config: {
        'included.custom.audience': audience,
        'access.token.claim': 'true',
        'introspection.token.claim': 'true',
      },
    },
  ],
})

const algorithms = /** @type {const} */ (['ES256', 'RS256'])

/** Its defaults, except for the algorithms. */
const realm = {
  ...{ realm: 'bench', enabled: true },
  components: {
    'org.keycloak.keys.KeyProvider': [
      { name: 'ES256', providerId: 'ecdsa-generated', config: { priority: ['100'], ecdsaEllipticCurveKey: ['P-256'] } },
      { name: 'RS256', providerId: 'rsa-generated', config: { priority: ['100'] } },
      { name: 'HS512', providerId: 'hmac-generated', config: { priority: ['100'], algorithm: ['HS512'] } },
      { name: 'AES', providerId: 'aes-generated', config: { priority: ['100'] } },
    ],
  },
  clients: algorithms.flatMap((alg) => [
    {
      ...{ ...credentials('machine', alg), enabled: true, serviceAccountsEnabled: true, standardFlowEnabled: false },
      attributes: { 'access.token.signed.response.alg': alg },
      optionalClientScopes: [alg === 'ES256' ? 'api:read' : 'reports:read'],
    },
    {
      ...{ ...credentials('web', alg), enabled: true, redirectUris: [redirectUri] },
      attributes: { 'access.token.signed.response.alg': 'ES256', 'id.token.signed.response.alg': alg },
      optionalClientScopes: ['offline_access', 'api:read'],
    },
  ]),
  clientScopes: [
    resourceScope('api:read', 'https://api.example'),
    resourceScope('reports:read', 'https://reports.example'),
  ],
  users: people.map(({ username, password }) => ({
    ...{ username, enabled: true, email: `${username}@app.example`, emailVerified: true },
    ...{ firstName: username, lastName: 'Bench', credentials: [{ type: 'password', value: password }] },
    realmRoles: ['offline_access'],
  })),
}
