import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import t from 'tap'
import { basic as basicHeader, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { wireOf, write } from './mutations.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm, send } from './send.ts'

const outcomeOf = ({ status, headers, json }: Answer): string => {
  if (status === 200) return 'ok'
  const error = String(json?.['error'])
  return status === (headers['www-authenticate'] === undefined ? 400 : 401) ? error : `${status} ${error}`
}

t.test('client authentication: every method and every mistake', async (t) => {
  const idp = await startSignet(t)
  await idp.resource('https://api.example', ['read'])
  const machine = { grant_types: ['client_credentials'] as const, scope: 'read', resources: ['https://api.example'] }
  const basic = await idp.client(machine)
  const post = await idp.client({ ...machine, token_endpoint_auth_method: 'client_secret_post' })
  const open = await idp.client({ token_endpoint_auth_method: 'none' })
  const encoded = (text: string | Buffer) => `Basic ${Buffer.from(text).toString('base64')}`
  const ask = (authorization: string | undefined, form: Record<string, string>) =>
    postForm(
      idp,
      '/token',
      write(wireOf({ grant_type: 'client_credentials', ...form })),
      authorization === undefined ? {} : { authorization },
    )
  const { client_id: id, secret = '' } = basic

  const cases: [string, string | undefined, Record<string, string>, string][] = [
    ['nothing at all', undefined, {}, 'invalid_client'],
    ['an unknown client', encoded('nobody:secret'), {}, 'invalid_client'],
    ['a wrong secret', encoded(`${id}:wrong`), {}, 'invalid_client'],
    ['an empty secret', encoded(`${id}:`), {}, 'invalid_client'],
    ['no colon', encoded(id), {}, 'invalid_client'],
    ['no client id', encoded(`:${secret}`), {}, 'invalid_client'],
    ['a NUL byte', encoded(`${id}\0:${secret}`), {}, 'invalid_client'],
    ['an encoded NUL byte', encoded(`${id}%00:${secret}`), {}, 'invalid_client'],
    ['bytes that are not UTF-8', encoded(Buffer.from([0xff, 0x3a, 0xfe])), {}, 'invalid_client'],
    ['a broken escape', encoded(`${id}:%zz`), {}, 'invalid_client'],
    ['8 KB', encoded(`${id}:${'x'.repeat(8192)}`), {}, 'invalid_client'],
    ['not base64', `Basic ${id}:${secret}`, {}, 'invalid_client'],
    ['nothing after Basic', 'Basic ', {}, 'invalid_client'],
    ['another scheme', `Bearer ${secret}`, {}, 'invalid_client'],
    ['built-in property names', encoded('__proto__:constructor'), {}, 'invalid_client'],
    [
      'a public client that sends a secret',
      undefined,
      { client_id: open.client_id, client_secret: 'x' },
      'invalid_client',
    ],
    ['a public client that sends an empty Basic secret', encoded(`${open.client_id}:`), {}, 'invalid_client'],
    ['a client that leaves its secret out', undefined, { client_id: id }, 'invalid_client'],
    ['another method than the registered one', undefined, { client_id: id, client_secret: secret }, 'invalid_client'],
    ['the reverse', encoded(`${post.client_id}:${post.secret}`), {}, 'invalid_client'],
    ['two methods at once', encoded(`${id}:${secret}`), { client_secret: secret }, 'invalid_request'],
    ['two clients at once', encoded(`${id}:${secret}`), { client_id: post.client_id }, 'invalid_request'],
    ['a public client with client_credentials', undefined, { client_id: open.client_id }, 'unauthorized_client'],
    [
      'a client that is not registered for it',
      encoded(`${id}:${secret}`),
      { grant_type: 'refresh_token' },
      'unauthorized_client',
    ],
    ['the right secret', encoded(`${id}:${secret}`), {}, 'ok'],
  ]
  for (const [name, authorization, form, outcome] of cases)
    t.test(name, async (t) => {
      const answer = await ask(authorization, form)
      t.same(faultsOf(answer), [])
      t.equal(outcomeOf(answer), outcome)
      // RFC 6749 §5.2: a challenge if the header was used, and only then.
      if (outcome === 'invalid_client') t.equal(answer.status, authorization === undefined ? 400 : 401)
    })

  t.test('an unknown client and a wrong secret get identical responses, byte for byte', async (t) => {
    const [unknown, wrong] = [await ask(encoded('client_nobody:wrong'), {}), await ask(encoded(`${id}:wrong`), {})]
    const withoutId = (text: string) => text.replace(/request_id=[\w-]{16}/, '')
    t.equal(withoutId(unknown.text), withoutId(wrong.text))
    t.equal(unknown.headers['www-authenticate'], wrong.headers['www-authenticate'])
    t.equal(
      wrong.headers['www-authenticate'],
      'Basic realm="Signet", charset="UTF-8", error="invalid_client", error_description="Client authentication failed: unknown client or wrong credentials."',
    )
  })
})

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

t.test('ways to authenticate, at each endpoint', async (t) => {
  const idp = await startSignet(t)
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwks = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kty: 'EC' }] }
  const keyed = { token_endpoint_auth_method: 'private_key_jwt', jwks } as const
  const grants = { grant_types: ['authorization_code', 'client_credentials'], scope: 'openid' } as const
  const clients = {
    unchosen: await idp.client({ ...grants, token_endpoint_auth_method: undefined }),
    basic: await idp.client(grants),
    post: await idp.client({ ...grants, token_endpoint_auth_method: 'client_secret_post' }),
    keyed: await idp.client({ ...grants, ...keyed }),
    pinned: await idp.client({ ...grants, ...keyed, require_issuer_audience: true }),
    open: await idp.client({ token_endpoint_auth_method: 'none' }),
  }
  const assertion = (clientId: string, aud: unknown) => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: clientId, sub: clientId, aud, jti: randomUUID(), iat: now, exp: now + 60 }
    const input = [{ alg: 'ES256' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    const signature = sign('sha256', Buffer.from(input), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' })
    return { client_assertion_type: assertionType, client_assertion: `${input}.${signature.toString('base64url')}` }
  }
  /** What stands for success: the client is known, and the rest of the request is judged. */
  const known = { '/token': 'invalid_grant', '/par': 'invalid_request', '/introspect': '200', '/revoke': '200' }
  type Path = keyof typeof known
  const rest = {
    grant_type: 'authorization_code',
    code: 'unknown',
    redirect_uri: 'https://app.example/callback',
    token: 'x',
  }
  const present = async (path: Path, form: Record<string, string>, authorization?: string, query = '') => {
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await postForm(idp, `${path}${query}`, `${new URLSearchParams({ ...rest, ...form })}`, headers)
    t.same(faultsOf(answer), [], path)
    return answer.status === 200 ? '200' : String(answer.json?.['error'])
  }

  for (const path of Object.keys(known) as Path[])
    t.test(path, async (t) => {
      const { unchosen, basic, post, keyed, pinned, open } = clients
      const [id, secret] = [unchosen.client_id, unchosen.secret ?? '']
      const header = basicHeader(id, secret)
      const body = { client_id: id, client_secret: secret }

      t.equal(await present(path, body, header), 'invalid_request', 'the secret by both ways at once')
      t.equal(await present(path, { client_secret: 'wrong' }, header), 'invalid_request', 'one of them wrong')
      t.equal(await present(path, assertion(id, idp.issuer), header), 'invalid_request', 'a secret and an assertion')
      t.equal(await present(path, { ...assertion(id, idp.issuer), ...body }), 'invalid_request')
      t.equal(await present(path, { client_id: id }), 'invalid_client', 'a client with a secret is not public')
      t.equal(await present(path, { ...body, client_secret: '' }), 'invalid_client', 'nor with an empty secret')
      t.equal(await present(path, {}, basicHeader(id, '')), 'invalid_client')
      t.equal(await present(path, { client_id: keyed.client_id }), 'invalid_client', 'a client with keys is not public')

      for (const name of ['client_secret', 'client%5Fsecret', 'client_assertion', 'client_secret=x&client_secret'])
        for (const authorization of [undefined, header]) {
          const outcome = await present(path, authorization ? {} : body, authorization, `?${name}=${secret}`)
          t.equal(outcome, 'invalid_request', `${name} in the query`)
        }
      t.equal(await present(path, body, undefined, '?client_secret='), known[path], 'an empty one counts as not sent')

      for (const client of [keyed, open])
        for (const guess of [secret, 'x', client.client_id]) {
          t.equal(
            await present(path, {}, basicHeader(client.client_id, guess)),
            'invalid_client',
            'a client without a secret',
          )
          t.equal(await present(path, { client_id: client.client_id, client_secret: guess }), 'invalid_client')
        }
      t.equal(await present(path, assertion(id, idp.issuer)), 'invalid_client', 'a client with a secret, by a key')

      t.equal(await present(path, {}, header), known[path], 'nobody chose a method: Basic')
      t.equal(await present(path, body), known[path], 'nobody chose a method: the body')
      t.equal(
        await present(path, {}, basicHeader(basic.client_id, basic.secret ?? '')),
        known[path],
        'Basic was chosen',
      )
      t.equal(await present(path, { client_id: basic.client_id, client_secret: basic.secret ?? '' }), 'invalid_client')
      t.equal(await present(path, { client_id: post.client_id, client_secret: post.secret ?? '' }), known[path])
      t.equal(await present(path, {}, basicHeader(post.client_id, post.secret ?? '')), 'invalid_client')

      const [issuer, endpoint] = [idp.issuer, `${idp.issuer}/token`]
      for (const aud of [[issuer, 'https://evil.example'], ['https://evil.example', endpoint], [], [issuer, null]])
        for (const client of [keyed, pinned])
          t.equal(await present(path, assertion(client.client_id, aud)), 'invalid_client', `aud ${JSON.stringify(aud)}`)
      for (const aud of [endpoint, [issuer], [issuer, endpoint]]) {
        t.equal(await present(path, assertion(pinned.client_id, aud)), 'invalid_client', `pinned, aud ${aud}`)
        t.equal(await present(path, assertion(keyed.client_id, aud)), known[path], `aud ${aud}`)
      }
      t.equal(await present(path, assertion(pinned.client_id, issuer)), known[path], 'pinned, aud the issuer')
      t.equal(await present(path, { ...assertion(pinned.client_id, issuer), client_id: pinned.client_id }), known[path])
    })

  t.test('a client with a secret or with keys cannot redeem its code as a public client', async (t) => {
    for (const client of [clients.unchosen, clients.keyed]) {
      const { code, pkce } = await signIn(idp, client, { parameters: { scope: 'openid' } })
      const form = { ...rest, client_id: client.client_id, code, code_verifier: pkce.verifier }
      const answer = await postForm(idp, '/token', `${new URLSearchParams(form)}`)
      t.match(answer, { status: 400, json: { error: 'invalid_client' } })
      t.equal(answer.headers['www-authenticate'], undefined)
    }
  })
})

t.test('a client_id in Basic credentials cannot act on the terminal of whoever reads the log', async (t) => {
  const idp = await startSignet(t)
  for (const id of ['\x9b31mforged', '%C2%9B31mforged', '\x1b[31mforged', 'forged\x7f', 'forged\x85'])
    for (const client_id of ['', 'another']) {
      const authorization = `Basic ${Buffer.from(`${id}:secret`).toString('base64')}`
      const answer = await postForm(idp, '/token', write(wireOf({ grant_type: 'authorization_code', client_id })), {
        authorization,
      })
      t.match(answer.json, { error: client_id === '' ? 'invalid_client' : /^invalid_/ })
    }
  t.notMatch(idp.logged(), /[^\P{Cc}\n]|forged/u)
})

t.test('a preflight is answered whatever the query, so that a script can read the refusal', async (t) => {
  const idp = await startSignet(t)
  const answer = await send(idp, {
    method: 'OPTIONS',
    path: '/token?client_secret=x',
    headers: { origin: 'https://a.example' },
  })
  t.equal(answer.status, 204)
})
