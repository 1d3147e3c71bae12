import { createHmac, generateKeyPairSync } from 'node:crypto'
import { exportJWK, exportSPKI, type JWTPayload, SignJWT } from 'jose'
import t from 'tap'
import { changeClient, registerClient } from '../../src/operations/client-registration.ts'
import { revokeClientSecret, rotateClientSecret } from '../../src/operations/client-secrets.ts'
import { importClient } from '../../src/operations/import-client.ts'
import { randomText } from '../../src/platform/secrets/digest.ts'
import type { ClientId } from '../../src/records/ids.ts'
import { eventually } from '../support/eventually.ts'
import { basic, type Idp, startSignet } from '../support/idp.ts'
import { faultsOf } from './plain-answer.ts'
import { postForm } from './send.ts'

const idp = await startSignet(t)
await idp.resource('https://api.example', ['api:read'])
const operator = { kind: 'operator', by: 'test' } as const

const registered = {
  token_endpoint_auth_method: 'client_secret_jwt',
  grant_types: ['client_credentials'],
  scope: 'api:read',
  resources: ['https://api.example'],
} as const

const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const now = () => Math.floor(Date.now() / 1000)
const claims = (clientId: string, more: JWTPayload = {}): JWTPayload => ({
  ...{ iss: clientId, sub: clientId, aud: idp.issuer, jti: randomText(16), iat: now(), exp: now() + 60 },
  ...more,
})
const octets = (text: string) => Buffer.from(text, 'utf8')
const mac = (payload: JWTPayload, secret: string | Uint8Array, header: object = {}) =>
  new SignJWT(payload)
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(typeof secret === 'string' ? octets(secret) : secret)
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
/** What no library would sign. */
const rawMac = (header: object, payload: object, secret: string, hash = 'sha256') => {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`
}

async function ask(assertion: string, path = '/token', node: Idp = idp) {
  const form = {
    grant_type: 'client_credentials',
    client_assertion_type: type,
    client_assertion: assertion,
    token: 'x',
  }
  return postForm(node, path, new URLSearchParams(form).toString())
}

t.test('an assertion that the secret did not sign as it must be is refused at every endpoint', async (t) => {
  const client = await idp.client(registered)
  const { client_id: id, secret = '' } = client
  const other = await idp.client(registered)
  const byPost = await idp.client({ ...registered, token_endpoint_auth_method: 'client_secret_post' })
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'RS256', kty: 'RSA' }
  const byKey = await idp.client({
    ...registered,
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [jwk] },
  })
  const pem = await exportSPKI(pair.publicKey)
  const [ofSignet] = JSON.parse(String(idp.signet.keyRing.jwkSet().body)).keys
  const forged: Record<string, string> = {
    "another client's secret": await mac(claims(id), other.secret ?? ''),
    'a secret that is nobody’s': await mac(claims(id), randomText(32)),
    'the digest of the secret': await mac(
      claims(id),
      (client as unknown as { secrets: { digest: Buffer }[] }).secrets[0]?.digest ?? '',
    ),
    'the sealed secret': await mac(
      claims(id),
      (client as unknown as { secrets: { sealed: { text: string } }[] }).secrets[0]?.sealed.text ?? '',
    ),
    'the bytes that the secret encodes': await mac(claims(id), Buffer.from(secret, 'base64url')),
    'an empty secret': rawMac({ alg: 'HS256' }, claims(id), ''),
    'alg none': `${encode({ alg: 'none' })}.${encode(claims(id))}.`,
    'alg none, with a good signature': rawMac({ alg: 'none' }, claims(id), secret),
    'alg hs256': rawMac({ alg: 'hs256' }, claims(id), secret),
    'alg HS512': rawMac({ alg: 'HS512' }, claims(id), secret, 'sha512'),
    'alg HS512 over SHA-256': rawMac({ alg: 'HS512' }, claims(id), secret),
    'alg RS256 with the secret': rawMac({ alg: 'RS256' }, claims(id), secret),
    'RS256 by a key of its own': await new SignJWT(claims(id))
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .sign(pair.privateKey),
    'RS256 with its key in the header': await new SignJWT(claims(id))
      .setProtectedHeader({ alg: 'RS256', jwk: jwk as never })
      .sign(pair.privateKey),
    'HS256 with its key in the header': rawMac({ alg: 'HS256', jwk: { kty: 'oct', k: encode('x') } }, claims(id), 'x'),
    "HS256 with Signet's public key": await mac(claims(id), JSON.stringify(ofSignet)),
    'for a client of private_key_jwt, its public key as PEM': await mac(claims(byKey.client_id), pem),
    'for a client of private_key_jwt, its public key as JWK': await mac(claims(byKey.client_id), JSON.stringify(jwk)),
    'for a client that sends its secret': await mac(claims(byPost.client_id), byPost.secret ?? ''),
    'for a client that does not exist': await mac(claims('client_nobody'), secret),
    'for a public client': await mac(
      claims((await idp.client({ token_endpoint_auth_method: 'none' })).client_id),
      secret,
    ),
  }
  const bySecret: Record<string, string> = {
    'audience: another server': await mac(claims(id, { aud: 'https://other.example' }), secret),
    'audience: this and another server': await mac(claims(id, { aud: [idp.issuer, 'https://other.example'] }), secret),
    'audience: none': await mac(claims(id, { aud: undefined as never }), secret),
    'issued by another client': await mac(claims(id, { iss: other.client_id }), secret),
    expired: await mac(claims(id, { iat: now() - 600, exp: now() - 120 }), secret),
    'valid for an hour': await mac(claims(id, { exp: now() + 3600 }), secret),
    'without an expiry': await mac(claims(id, { exp: undefined as never }), secret),
    'without a jti': await mac(claims(id, { jti: undefined as never }), secret),
    'of another type': await mac(claims(id), secret, { typ: 'at+jwt' }),
    'with b64': rawMac({ alg: 'HS256', b64: true }, claims(id), secret),
    'with crit': rawMac({ alg: 'HS256', crit: ['exp'], exp: 1 }, claims(id), secret),
  }
  for (const path of ['/token', '/revoke', '/introspect'])
    for (const [name, assertion] of Object.entries({ ...forged, ...bySecret })) {
      const answer = await ask(assertion, path)
      t.same(faultsOf(answer), [], `${path}: ${name}`)
      t.match(
        answer,
        { status: path === '/introspect' ? 401 : 400, json: { error: 'invalid_client' } },
        `${path}: ${name}`,
      )
    }
  const { rows } = await idp.signet.database.query('SELECT count(*)::int AS stored FROM client_assertions')
  t.same(rows, [{ stored: 0 }], 'nothing of a refused one is stored')
  t.match(await ask(await mac(claims(id), secret)), { status: 200 }, 'while a good one is accepted')

  const answers = await Promise.all(
    [
      "another client's secret",
      'for a client that does not exist',
      'for a client that sends its secret',
      'for a client of private_key_jwt, its public key as PEM',
    ].map(async (name) => (await ask(forged[name] ?? '')).json?.['error_description']),
  )
  t.equal(new Set(answers).size, 1, 'nobody learns which clients exist, or what they are registered for')
})

t.test('an assertion is accepted once, at any endpoint', async (t) => {
  const { client_id: id, secret = '' } = await idp.client(registered)
  const first = await mac(claims(id), secret)
  t.match(await ask(first), { status: 200 })
  for (const path of ['/token', '/revoke', '/introspect'])
    t.match((await ask(first, path)).json, { error: 'invalid_client' })
  const answers = await Promise.all(
    [1, 2, 3, 4].map(async (_, __, ___, same = mac(claims(id, { jti: 'same' }), secret)) => ask(await same)),
  )
  t.equal(answers.filter(({ status }) => status === 200).length, 1, 'of several at the same time')
})

t.test('the secret itself is not accepted from a client that must not send it', async (t) => {
  const { client_id: id, secret = '' } = await idp.client(registered)
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  const sent = await fetch(`${idp.issuer}/token`, {
    method: 'POST',
    body,
    headers: { authorization: basic(id, secret) },
  })
  t.match(await sent.json(), { error: 'invalid_client' })
})

t.test('a revoked or replaced secret signs nothing any more; both of a rotation do', async (t) => {
  const { client, secret: first = '' } = await registerClient(idp.signet, operator, registered)
  const id = client.client_id
  const works = async (secret: string) => (await ask(await mac(claims(id), secret))).status === 200
  t.ok(await works(first))
  const rotated = await rotateClientSecret(idp.signet, operator, id, 'newest kept')
  const second = typeof rotated === 'object' && 'secret' in rotated ? rotated.secret : ''
  t.ok(await works(second))
  t.ok(await works(first))
  const { rows } = await idp.signet.database.query<{ id: number; sealed: string }>({
    text: 'SELECT id, sealed FROM client_secrets WHERE client_id = $1 ORDER BY id',
    values: [id],
  })
  t.equal(rows.length, 2)
  t.notOk(JSON.stringify(rows).includes(first), 'it is not stored as it is')
  await revokeClientSecret(idp.signet, operator, id, rows[0]?.id ?? 0)
  await eventually('the node to refuse the old secret', async () => !(await works(first)))
  t.ok(await works(second))
  // Somebody who can write to the database puts the revoked secret back, sealed.
  await idp.signet.database.query({
    text: 'UPDATE client_secrets SET sealed = $2 WHERE client_id = $1',
    values: [id, rows[0]?.sealed],
  })
  idp.signet.clients.clear()
  t.notOk(await works(first), 'the digest decides')
  const other = await registerClient(idp.signet, operator, registered)
  await idp.signet.database.query({
    text: `UPDATE client_secrets SET (digest, sealed) = (SELECT digest, $3 FROM client_secrets WHERE client_id = $1) WHERE client_id = $2`,
    values: [id, other.client.client_id, rows[1]?.sealed],
  })
  idp.signet.clients.clear()
  t.notOk((await ask(await mac(claims(other.client.client_id), second))).status === 200, 'nor one of another client')
})

t.test('a short secret is never a key', async (t) => {
  const short = 'only-twenty-octets..'
  const id = 'legacy-app' as ClientId
  const item = { clientId: id, metadata: { ...registered }, secrets: [short], unknownScopes: 'refused' } as const
  const options = { source: 'json', dryRun: false, allowShortSecrets: true }
  t.match(await importClient(idp.signet, operator, item, options), { outcome: 'imported' })
  t.match(await ask(rawMac({ alg: 'HS256' }, claims(id), short)), { json: { error: 'invalid_client' } })
  await t.rejects(
    idp.signet.database.query({
      text: `UPDATE client_secrets SET sealed = 'x', sealed_version = 1 WHERE client_id = $1`,
      values: [id],
    }),
    /client_secrets_sealed_check/,
  )
})

t.test('sealed copies exist only as long as the client uses its secrets as keys', async (t) => {
  const { client, secret } = await registerClient(idp.signet, operator, {
    ...registered,
    token_endpoint_auth_method: 'client_secret_basic',
  })
  const id = client.client_id
  const sealed = async () => {
    const { rows } = await idp.signet.database.query({
      text: 'SELECT sealed IS NOT NULL AS sealed FROM client_secrets WHERE client_id = $1 ORDER BY id',
      values: [id],
    })
    return rows.map((row) => row['sealed'])
  }
  t.same(await sealed(), [false])
  const changed = await changeClient(idp.signet, operator, id, { token_endpoint_auth_method: 'client_secret_jwt' })
  const added = typeof changed === 'object' ? (changed.secret ?? '') : ''
  t.not(added, secret, 'a digest cannot become a key, so there is a new secret')
  t.same(await sealed(), [false, true])
  t.match(await changeClient(idp.signet, operator, id, { client_name: 'Renamed' }), { secret: undefined })
  idp.signet.clients.clear()
  t.match(await ask(await mac(claims(id), added)), { status: 200 })
  t.match(await ask(await mac(claims(id), secret ?? '')), { status: 400 })
  t.match(await changeClient(idp.signet, operator, id, { token_endpoint_auth_method: null }), { secret: undefined })
  t.same(await sealed(), [false, false])
})
