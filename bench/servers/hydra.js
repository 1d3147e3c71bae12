// Ory Hydra (https://github.com/ory/hydra), an OAuth server without users: another application authenticates them and asks for consent.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { api } from './management-api.js'
import { redirectUri, targetOf } from './target.js'

/**
 * Starts the program that BENCH_HYDRA names, if it does, with a database of its own.
 *
 * @param {import('../children.js').Children} children
 * @param {import('../machine.js').Processors} processors
 * @param {import('./postgresql.js').Database | undefined} database
 */
export async function startHydra({ run, serve, folder }, processors, database) {
  const program = process.env['BENCH_HYDRA']
  if (!program) return undefined
  if (!database) throw new Error('Ory Hydra needs a PostgreSQL: install one, or name one in BENCH_DATABASE_URL.')
  const url = await database.create('hydra')
  const [port, adminPort] = [await freePort(), await freePort()]
  const issuer = `http://127.0.0.1:${port}`
  const file = join(folder, 'hydra.json')
  // Its defaults, except for what makes it do the same work: JWTs as access tokens, and ES256 (below). As in Signet, no line for each request.
  const config = {
    log: { level: 'error' },
    serve: { public: { host: '127.0.0.1', port }, admin: { host: '127.0.0.1', port: adminPort } },
    urls: { self: { issuer }, login: 'https://app.example/login', consent: 'https://app.example/consent' },
    secrets: { system: ['a secret of a benchmark, of some length'] },
    strategies: { access_token: 'jwt' },
    webfinger: { jwks: { broadcast_keys: ['hydra.openid.id-token', 'hydra.jwt.access-token'] } },
  }
  writeFileSync(file, JSON.stringify(config))
  // On one processor it opens so few connections by default that concurrent requests wait for each other for ever.
  const connections = 'max_conns=40&max_idle_conns=40'
  // The second: no reports to its maker.
  const environment = { DSN: `${url}?sslmode=disable&${connections}`, SQA_OPT_OUT: 'true' }
  await run({ program, args: ['migrate', 'sql', '--yes', '--read-from-env'], environment })
  // Without --dev, it refuses http. It then only leaves out checks of URLs.
  const { pid } = await serve({
    ...{ program, args: ['serve', 'all', '--dev', '--config', file], environment },
    ...{ processors: processors?.server, readyAt: `${issuer}/health/ready` },
  })
  const admin = `http://127.0.0.1:${adminPort}/admin`
  const call = api(admin)
  for (const set of ['hydra.openid.id-token', 'hydra.jwt.access-token'])
    await call('POST', `/keys/${set}`, { alg: 'ES256', use: 'sig', kid: set })
  /** @param {object} registration */
  const client = async (registration) => {
    const created = await call('POST', '/clients', {
      ...{ audience: ['https://api.example'], token_endpoint_auth_method: 'client_secret_basic' },
      ...registration,
    })
    return { clientId: String(created.client_id), secret: String(created.client_secret) }
  }
  const machine = await client({ grant_types: ['client_credentials'], scope: 'api:read' })
  const web = await client({
    ...{ grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], redirect_uris: [redirectUri] },
    scope: 'openid offline_access api:read',
  })
  return targetOf({
    ...{ kind: 'Ory Hydra', name: 'Ory Hydra', pid, issuer, database: await database.watch(url) },
    machine: { ES256: machine, RS256: machine },
    web: { ES256: web, RS256: web },
    parameters: { audience: 'https://api.example' },
    challengesAt: `${admin}/oauth2/auth/requests`,
    metadata: { introspection_endpoint: `${admin}/oauth2/introspect` },
  })
}
