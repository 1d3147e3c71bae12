// oidc-provider, in memory, doing the same work as Signet: the same tokens, users with the same argon2id, and remembered consent.
// It has no audit, no events and no storage, which is its best case.
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import argon2 from 'argon2'
import Provider from 'oidc-provider'

const { machine, web, redirectUri, people } = JSON.parse(process.env['BENCH_PEER'] ?? '')
/** @param {import('node:crypto').KeyObject} key @param {string} alg */
const jwk = (key, alg) => ({ ...key.export({ format: 'jwk' }), alg, use: 'sig', kid: alg })
const keys = [
  jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'ES256'),
  jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'RS256'),
]
/** @type {Record<string, { scope: string, alg: 'ES256' | 'RS256' }>} */
const resources = {
  'https://api.example': { scope: 'api:read', alg: 'ES256' },
  'https://reports.example': { scope: 'reports:read', alg: 'RS256' },
}
/** The password hash of each user, with the cost that OWASP recommends, as in Signet. @type {Map<string, string>} */
const hashes = new Map()
for (const { username, password } of people)
  hashes.set(
    username,
    await argon2.hash(password, { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 }),
  )

const server = createServer()
server.listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
const issuer = `http://127.0.0.1:${port}`

const provider = new Provider(issuer, {
  clients: [
    {
      ...{ client_id: machine.clientId, client_secret: machine.secret },
      ...{ grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: 'api:read reports:read' },
    },
    ...['ES256', 'RS256'].map((alg) => ({
      ...{ client_id: web[alg].clientId, client_secret: web[alg].secret, redirect_uris: [redirectUri] },
      ...{ grant_types: ['authorization_code', 'refresh_token'], response_types: /** @type {['code']} */ (['code']) },
      ...{ scope: 'openid offline_access api:read', id_token_signed_response_alg: /** @type {'ES256'} */ (alg) },
    })),
  ],
  scopes: ['openid', 'offline_access', 'api:read', 'reports:read'],
  jwks: { keys },
  cookies: { keys: ['a key that signs the cookies of a benchmark'] },
  rotateRefreshToken: false,
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  loadExistingGrant: async ({ oidc }) => {
    const { client, session, account } = oidc
    if (!client || !account) return undefined
    const known = session?.grantIdFor(client.clientId)
    if (known) return provider.Grant.find(known)
    const grant = new provider.Grant({ clientId: client.clientId, accountId: account.accountId })
    grant.addOIDCScope('openid offline_access api:read')
    grant.addResourceScope('https://api.example', 'api:read')
    await grant.save()
    return grant
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      // By the requested scope, as in Signet.
      defaultResource: ({ oidc }) =>
        Object.keys(resources).find((resource) =>
          String(oidc.params?.['scope']).includes(resources[resource]?.scope ?? ' '),
        ) ?? [],
      getResourceServerInfo: (_ctx, resource) => ({
        scope: resources[resource]?.scope ?? '',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 900,
        jwt: { sign: { alg: resources[resource]?.alg ?? 'ES256' } },
      }),
    },
  },
})
const callback = provider.callback()

server.on('request', async (request, response) => {
  if (!request.url?.startsWith('/interaction/')) return callback(request, response)
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html')
    return response.end(
      `<form method="post" action="${request.url}"><input name="username"><input name="password"><button>Sign in</button></form>`,
    )
  }
  const form = new URLSearchParams(await text(request))
  const username = form.get('username') ?? ''
  if (!(await argon2.verify(hashes.get(username) ?? '', form.get('password') ?? '')))
    return response.writeHead(403).end()
  return provider.interactionFinished(request, response, { login: { accountId: username } })
})
process.stdout.write(`ready ${issuer}\n`)
