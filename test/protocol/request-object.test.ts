import t from 'tap'
import { faultsIn, soundParameters } from '../../src/protocol/http/parameters.ts'
import { readRequestObject } from '../../src/protocol/request-object.ts'
import { clientKey } from '../support/request-objects.ts'

const issuer = 'https://id.example'
const now = 1_800_000_000
const key = await clientKey('ES256')
const keys = async () => ({ keys: [...key.jwks.keys] })
const rules = { clientId: 'client', issuer, algorithm: undefined, keys, now, clockSkew: 60 }

const read = async (claims: Record<string, unknown>, header: Record<string, unknown> = {}) => {
  const outcome = await readRequestObject(await key.sign({ client_id: 'client', ...claims }, header), rules)
  if (!('parameters' in outcome)) return outcome.fault
  const { values, resource } = soundParameters(outcome.parameters)
  return { values, resource }
}

t.test('times count with the clock skew, up to the second', async (t) => {
  const sound = { values: new Map([['client_id', 'client']]), resource: [] }
  t.same(await read({ exp: now - 59, nbf: now + 60, iat: now + 60 }), sound)
  t.same(await read({ exp: now + 86_460 }), sound)
  t.equal(await read({ exp: now - 60 }), 'it has expired (exp)')
  t.equal(await read({ exp: now + 86_461 }), 'its exp is more than a day away')
  t.equal(await read({ nbf: now + 61 }), 'its nbf is in the future')
  t.equal(await read({ iat: now + 61 }), 'its iat is in the future')
})

t.test('parameters become text, and everything else in the object is left out', async (t) => {
  const inside = {
    ...{ iss: 'client', aud: issuer, jti: 'x', sub: 'somebody', exp: now + 60, toString: 'x', extra: {} },
    ...{ scope: 'openid', state: '', max_age: 0, claims: { userinfo: { name: null } }, resource: ['https://a', ''] },
  }
  t.same(await read(inside), {
    values: new Map([
      ['client_id', 'client'],
      ['scope', 'openid'],
      ['max_age', '0'],
      ['claims', '{"userinfo":{"name":null}}'],
    ]),
    resource: ['https://a'],
  })
  t.equal(await read({ state: 1 }), 'its state is of the type number')
  t.equal(await read({ claims: [] }), 'its claims is an array')
  t.equal(await read({ nonce: null }), 'its nonce is null')
})

t.test('text that a query could not have is a fault of its parameter', async (t) => {
  const object = await key.sign({
    client_id: 'client',
    state: 'a\0b',
    nonce: '\ud800',
    login_hint: 'a\nb',
    resource: '\0',
  })
  const outcome = await readRequestObject(object, rules)
  t.same('parameters' in outcome && faultsIn(outcome.parameters), [
    { name: 'state', fault: 'unreadable' },
    { name: 'nonce', fault: 'unreadable' },
    { name: 'login_hint', fault: 'control' },
    { name: 'resource', fault: 'unreadable' },
  ])
})

t.test('keys are asked for by kid, and only if the algorithm is allowed', async (t) => {
  const asked: unknown[] = []
  const asking = {
    ...rules,
    algorithm: 'PS256' as const,
    keys: async (kid: string | undefined) => {
      asked.push(kid)
      return keys()
    },
  }
  const object = await key.sign({ client_id: 'client' })
  t.match(await readRequestObject(object, asking), { refused: 'request_object_refused' })
  t.same(asked, [])
  await readRequestObject(object, { ...asking, algorithm: undefined })
  t.same(asked, ['one'])
  const unavailable = { ...rules, keys: () => Promise.reject(new RangeError('no keys')) }
  await t.rejects(readRequestObject(object, unavailable), { message: 'no keys' })
})
