import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { wireOf, write } from './mutations.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm } from './send.ts'

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
    })

  t.test('an unknown client and a wrong secret get identical responses, byte for byte', async (t) => {
    const [unknown, wrong] = [await ask(encoded('client_nobody:wrong'), {}), await ask(encoded(`${id}:wrong`), {})]
    const withoutId = (text: string) => text.replace(/request_id=[\w-]{16}/, '')
    t.equal(withoutId(unknown.text), withoutId(wrong.text))
    t.equal(unknown.headers['www-authenticate'], wrong.headers['www-authenticate'])
  })
})
