import t, { type Test } from 'tap'
import { defaultRedirectUri, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { type Mutation, mutationNames, mutations, type Pair, wireOf, write } from './mutations.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm } from './send.ts'

interface Outcomes {
  readonly missing: string
  readonly '8 KB long': string
  readonly 'of a wrong type': string
}

const outcomes = (missing: string, wrongType: string, long = 'invalid_request'): Outcomes => ({
  missing,
  '8 KB long': long,
  'of a wrong type': wrongType,
})

/** RFC 6749 §5.2, RFC 7636 §4.6, RFC 8707 §2. `ok`: the request is still valid. */
const everywhere: Record<string, Outcomes> = {
  grant_type: outcomes('invalid_request', 'unsupported_grant_type'),
  client_id: outcomes('invalid_client', 'invalid_client'),
  client_secret: outcomes('invalid_client', 'invalid_client'),
  resource: outcomes('ok', 'invalid_target'),
  not_a_parameter: outcomes('ok', 'ok', 'ok'),
}

function expected(table: Record<string, Outcomes>, name: string, mutation: Mutation): string {
  const outcome = table[name]!
  if (mutation === 'missing' || mutation === 'empty') return outcome.missing
  if (mutation === '8 KB long' || mutation === 'of a wrong type') return outcome[mutation]
  // RFC 8707 §2: the only parameter that may be repeated; no resource is named `x`.
  if (name === 'resource' && mutation === 'doubled') return 'ok'
  if (name === 'resource' && mutation === 'doubled, one of them empty') return 'invalid_target'
  return 'invalid_request'
}

const outcomeOf = ({ status, headers, json }: Answer): string => {
  if (status === 200) return 'ok'
  const error = String(json?.['error'])
  return status === (headers['www-authenticate'] === undefined ? 400 : 401) ? error : `${status} ${error}`
}

t.test('every parameter of a token request, corrupted in every way', async (t) => {
  const idp = await startSignet(t)
  await idp.resource('https://api.example', ['read'])
  const client = await idp.client({
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    scope: 'openid offline_access read',
    resources: ['https://api.example'],
  })
  const credentials = { client_id: client.client_id, client_secret: client.secret ?? '' }
  const post = (pairs: readonly Pair[]) => postForm(idp, '/token', write(pairs))

  const attack = async (t: Test, good: Record<string, string>, table: Record<string, Outcomes>) => {
    for (const name of Object.keys(table))
      for (const mutation of mutationNames) {
        const outcome = expected(table, name, mutation)
        // Mutations that would redeem the code are left out: refused requests come first, the valid one last.
        if (outcome === 'ok' && good['grant_type'] === 'authorization_code') continue
        const answer = await post(mutations[mutation](wireOf(good), name))
        t.same(faultsOf(answer), [], `${name} ${mutation}`)
        t.equal(answer.headers['cache-control'], 'no-store')
        t.equal(outcomeOf(answer), outcome, `${name} ${mutation}`)
        if (answer.status === 401) t.match(answer.headers['www-authenticate'], /^Basic realm=/, 'RFC 9110 §15.5.2')
      }
  }

  t.test('authorization_code, and the code is still valid after all of it', async (t) => {
    const journey = await signIn(idp, client, { parameters: { scope: 'openid offline_access read' } })
    const good = {
      grant_type: 'authorization_code',
      ...credentials,
      code: journey.code,
      redirect_uri: defaultRedirectUri,
      code_verifier: journey.pkce.verifier,
      resource: 'https://api.example',
    }
    await attack(t, good, {
      ...everywhere,
      code: outcomes('invalid_request', 'invalid_grant'),
      redirect_uri: outcomes('invalid_request', 'invalid_grant', 'invalid_request'),
      code_verifier: outcomes('invalid_grant', 'invalid_request'),
    })
    t.equal(outcomeOf(await post(wireOf(good))), 'ok')
  })

  t.test('refresh_token, and the token is still valid after all of it', async (t) => {
    const tokens = (await (await signIn(idp, client)).redeem()).body
    const good = {
      grant_type: 'refresh_token',
      ...credentials,
      refresh_token: tokens.refresh_token as string,
      scope: 'openid',
      resource: idp.issuer,
    }
    await attack(t, good, {
      ...everywhere,
      refresh_token: outcomes('invalid_request', 'invalid_grant'),
      scope: outcomes('ok', 'invalid_scope'),
    })
    t.equal(outcomeOf(await post(wireOf(good))), 'ok')
  })

  t.test('client_credentials', async (t) => {
    const good = {
      grant_type: 'client_credentials',
      ...credentials,
      scope: 'read',
      resource: 'https://api.example',
    }
    await attack(t, good, { ...everywhere, scope: outcomes('ok', 'invalid_scope') })
    t.equal(outcomeOf(await post(wireOf(good))), 'ok')
  })

  t.test('with every grant type, a scope must be single names separated by single spaces', async (t) => {
    const tokens = (await (await signIn(idp, client)).redeem()).body
    for (const scope of [
      'openid  offline_access',
      ' openid',
      'openid ',
      'openid\toffline_access',
      'open"id',
      'openid\n',
    ])
      for (const grant of [
        { grant_type: 'refresh_token', refresh_token: tokens.refresh_token as string },
        { grant_type: 'client_credentials' },
      ]) {
        const answer = await post(wireOf({ ...grant, ...credentials, scope }))
        const refusal = /[\t\n]/.test(scope) ? 'invalid_request' : 'invalid_scope'
        t.equal(outcomeOf(answer), refusal, `${grant.grant_type} ${JSON.stringify(scope)}`)
      }
  })

  t.test('built-in property names are not grant types, clients, scopes or parameters', async (t) => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype']) {
      const grant = { grant_type: 'client_credentials', ...credentials }
      t.equal(outcomeOf(await post(wireOf({ ...grant, grant_type: name }))), 'unsupported_grant_type', name)
      t.equal(outcomeOf(await post(wireOf({ ...grant, client_id: name }))), 'invalid_client', name)
      t.equal(outcomeOf(await post(wireOf({ ...grant, scope: name }))), 'invalid_scope', name)
      t.equal(outcomeOf(await post(wireOf({ ...grant, resource: name }))), 'invalid_target', name)
      t.equal(outcomeOf(await post([...wireOf(grant), [name, 'x'], [`${name}[x]`, 'x']])), 'ok', name)
      t.equal(outcomeOf(await post([...wireOf(grant), [name, 'x'], [name, 'x']])), 'invalid_request', name)
    }
    t.equal(({} as Record<string, unknown>)['x'], undefined, 'no prototype was changed')
  })

  t.test('brackets create neither lists nor objects', async (t) => {
    const { grant_type: _, ...grant } = { grant_type: 'client_credentials', ...credentials }
    for (const name of ['grant_type[]', 'grant_type[0]', 'grant_type[a]', 'grant_type.a'])
      t.equal(outcomeOf(await post([...wireOf(grant), [name, 'client_credentials']])), 'invalid_request', name)
  })

  t.test('more parameters than any client sends', async (t) => {
    const many = Array.from({ length: 2000 }, (_, index): Pair => [`p${index}`, '1'])
    t.equal(
      outcomeOf(await post([...many, ...wireOf({ grant_type: 'client_credentials', ...credentials })])),
      'invalid_request',
    )
    const resources = Array.from({ length: 21 }, (): Pair => ['resource', 'https%3A%2F%2Fapi.example'])
    t.equal(
      outcomeOf(await post([...wireOf({ grant_type: 'client_credentials', ...credentials }), ...resources])),
      'invalid_request',
    )
  })
})
