import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { mutationNames, mutations, unreadable, write } from './mutations.ts'
import { faultsOf } from './plain-answer.ts'
import { postForm, send } from './send.ts'

t.test('the access token at userinfo, corrupted in every way', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client()
  const {
    access_token: token,
    id_token: idToken,
    refresh_token: refreshToken,
  } = (await (await signIn(idp, client)).redeem()).body
  const [header = '', payload = '', signature = ''] = (token as string).split('.')
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }

  const bad: Record<string, string> = {
    'an ID token': idToken,
    'a refresh token': refreshToken,
    'alg none': `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
    'alg none with the key named': `${encode({ alg: 'none', typ: 'at+jwt', kid })}.${payload}.${signature}`,
    HS256: `${encode({ alg: 'HS256', typ: 'at+jwt', kid })}.${payload}.${signature}`,
    'another kid': `${encode({ alg: 'ES256', typ: 'at+jwt', kid: '__proto__' })}.${payload}.${signature}`,
    'a key in the header': `${encode({ alg: 'ES256', typ: 'at+jwt', kid, jwk: { kty: 'EC' } })}.${payload}.${signature}`,
    'altered claims': `${header}.${encode({ ...claims, sub: 'somebody-else' })}.${signature}`,
    'a signature of zeros': `${header}.${payload}.${'A'.repeat(86)}`,
    'the first half': `${header}.${payload}`,
    'not JSON': 'a.b.c',
    '8 KB': 'x'.repeat(8192),
    'a built-in property name': '__proto__',
  }
  for (const [name, presented] of Object.entries(bad))
    t.test(name, async (t) => {
      const answers = [
        await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${presented}` } }),
        await send(idp, { method: 'POST', path: '/userinfo', headers: { authorization: `Bearer ${presented}` } }),
        await postForm(idp, '/userinfo', `access_token=${presented}`),
      ]
      for (const answer of answers) {
        t.same(faultsOf(answer), [])
        t.match(answer, { status: 401, json: { error: 'invalid_token' } })
        t.match(
          answer.headers['www-authenticate'],
          /^Bearer realm="Signet", error="invalid_token", error_description="[ !#-[\]-~]+"$/,
        )
      }
    })

  t.test('no token, more than one, or one in the query', async (t) => {
    const bearer = { authorization: `Bearer ${token}` }
    t.match(await send(idp, { path: '/userinfo' }), {
      status: 401,
      json: {},
      headers: { 'www-authenticate': 'Bearer realm="Signet"' },
    })
    t.match(await send(idp, { path: `/userinfo?access_token=${token}` }), {
      status: 400,
      json: { error: 'invalid_request' },
    })
    t.match(
      await send(idp, {
        path: '/userinfo',
        headers: { authorization: [bearer.authorization, bearer.authorization] as never },
      }),
      { status: 400 },
    )
    t.match(await postForm(idp, '/userinfo', `access_token=${token}`, bearer), {
      status: 400,
      json: { error: 'invalid_request' },
    })
    t.match(await postForm(idp, '/userinfo', `access_token=${token}&access_token=${token}`), { status: 400 })
    for (const mutation of mutationNames.filter((name) => unreadable.has(name)))
      t.match(
        await postForm(idp, '/userinfo', write(mutations[mutation]([['access_token', token]], 'access_token'))),
        { status: 400, json: { error: 'invalid_request' } },
        mutation,
      )
    t.match(await send(idp, { path: '/userinfo', headers: bearer }), { status: 200 })
    t.match(await postForm(idp, '/userinfo', `access_token=${token}`), { status: 200 })
  })

  t.test('a token for another resource, or without openid, reveals nothing about the person', async (t) => {
    await idp.resource('https://other.example', ['other'])
    const another = await idp.client({
      scope: 'openid profile other',
      resources: ['https://other.example'],
      grant_types: ['authorization_code', 'client_credentials'],
    })
    const journey = await signIn(idp, another, { parameters: { scope: 'openid other' } })
    const forOther = (await journey.redeem(journey.code, { resource: 'https://other.example' })).body.access_token
    t.match(await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${forOther}` } }), { status: 401 })
    const without = await signIn(idp, another, { parameters: { scope: 'profile' } })
    const noOpenid = (await without.redeem()).body.access_token
    t.match(await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${noOpenid}` } }), {
      status: 403,
      json: { error: 'insufficient_scope' },
    })
    const machine = (await idp.token(another, { grant_type: 'client_credentials', resource: idp.issuer })).body
      .access_token
    t.match(await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${machine}` } }), { status: 403 })
  })
})
