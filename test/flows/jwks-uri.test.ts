import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import t from 'tap'
import { outgoingToTests, serveHttps } from '../support/https-server.ts'
import { startSignet, type TestClient } from '../support/idp.ts'

let now = 1_000_000
/** Lets the time pass for requests to other servers. */
const pass = (seconds: number) => {
  now += seconds * 1000
}
const outgoing = outgoingToTests({ clocks: { wall: () => now, monotonic: () => now } })
const idp = await startSignet(t, {}, { outgoing })

const newKey = (kid: string) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } }
}
const [first, second, attackers] = [newKey('first'), newKey('second'), newKey('attackers')]

let published: object = { keys: [first.jwk] }
let status = 200
const keyServer = await serveHttps(t, (_request, reply) =>
  reply
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'max-age=3600' })
    .end(JSON.stringify(published)),
)
let path = 0
async function newClient(): Promise<TestClient> {
  path += 1
  keyServer.asked.length = 0
  status = 200
  published = { keys: [first.jwk] }
  return idp.client({
    ...{ grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: '' },
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: keyServer.url(`/${path}/jwks`),
  })
}

async function ask(client: TestClient, { kid, privateKey }: { kid?: string; privateKey: KeyObject }) {
  const assertion = await new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'ES256', ...(kid === undefined ? {} : { kid }) })
    .setIssuer(client.client_id)
    .setSubject(client.client_id)
    .setAudience(idp.issuer)
    .setExpirationTime('1m')
    .sign(privateKey)
  return idp.token(
    { ...client, client_id: client.client_id },
    {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    },
  )
}

t.test('many assertions with made-up kids cause one request in ten seconds', async (t) => {
  const client = await newClient()
  t.equal((await ask(client, first)).status, 200)
  pass(11)
  for (let attempt = 0; attempt < 20; attempt += 1)
    t.match(await ask(client, { kid: `made-up-${attempt}`, privateKey: attackers.privateKey }), {
      status: 400,
      body: { error: 'invalid_client' },
    })
  t.equal(keyServer.asked.length, 2)
  t.match(await ask(client, { kid: 'first', privateKey: attackers.privateKey }), { body: { error: 'invalid_client' } })
  t.equal((await ask(client, first)).status, 200)
  t.equal(keyServer.asked.length, 2)
})

t.test('a client that rotates its key is accepted with the new one, and refused with the old one', async (t) => {
  const client = await newClient()
  t.equal((await ask(client, first)).status, 200)
  published = { keys: [second.jwk] }
  pass(60)
  t.equal((await ask(client, second)).status, 200)
  t.equal(keyServer.asked.length, 2)
  t.match(await ask(client, first), { status: 400, body: { error: 'invalid_client' } })
})

t.test('a client that names no key is accepted with the new one after it has replaced its only key', async (t) => {
  const client = await newClient()
  const [before, after] = [first, second].map(({ privateKey }) => ({ privateKey })) as [
    Pick<typeof first, 'privateKey'>,
    Pick<typeof first, 'privateKey'>,
  ]
  t.equal((await ask(client, before)).status, 200)
  published = { keys: [{ ...second.jwk, kid: undefined }] }
  t.equal((await ask(client, after)).status, 400, 'a set that was fetched a moment ago is not fetched again')
  pass(60)
  t.equal((await ask(client, after)).status, 200)
  t.equal((await ask(client, before)).status, 400)
  t.equal(keyServer.asked.length, 2)
})

t.test('the same if the new key has the name of the old one', async (t) => {
  const client = await newClient()
  t.equal((await ask(client, first)).status, 200)
  published = { keys: [{ ...second.jwk, kid: 'first' }] }
  pass(60)
  t.equal((await ask(client, { ...second, kid: 'first' })).status, 200)
})

t.test('many assertions with a wrong signature cause one request in ten seconds', async (t) => {
  const client = await newClient()
  t.equal((await ask(client, first)).status, 200)
  pass(11)
  for (const kid of ['first', undefined, 'first', undefined])
    t.equal((await ask(client, { privateKey: attackers.privateKey, ...(kid && { kid }) })).status, 400)
  t.equal(keyServer.asked.length, 2)
  t.equal((await ask(client, first)).status, 200)
})

t.test('a set is not fetched for each request', async (t) => {
  const client = await newClient()
  for (let request = 0; request < 5; request += 1) t.equal((await ask(client, first)).status, 200)
  t.equal((await ask(client, { privateKey: first.privateKey })).status, 200, 'without a kid')
  t.equal(keyServer.asked.length, 1)
})

t.test('if the key server is down, the client is told so, and the operator sees the reason', async (t) => {
  const client = await newClient()
  status = 503
  const { body, status: answered } = await ask(client, first)
  t.equal(answered, 400)
  t.match(body, {
    error: 'invalid_client',
    error_description: 'The keys at the jwks_uri of the client could not be fetched or used.',
  })
  t.notMatch(JSON.stringify(body), /503|keys\.example/)
  status = 200
  t.match(await ask(client, first), { status: 400 }, 'a failure is remembered briefly')
  pass(11)
  t.equal((await ask(client, first)).status, 200)
  t.match(idp.logged(), /jwks_uri could not be fetched: the response has the status 503/)
})

t.test(
  'if the key server goes down later, the keys that are known stay valid for as long as they may be kept',
  async (t) => {
    const client = await newClient()
    t.equal((await ask(client, first)).status, 200)
    status = 503
    pass(600)
    t.match(await ask(client, second), { status: 400 })
    t.equal((await ask(client, first)).status, 200)
    pass(3600)
    t.match(await ask(client, first), { status: 400 })
  },
)
