import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { openConsole } from '../cli/console.ts'
import { basic, freePort, type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { postForm } from './send.ts'

/*
 * Scopes that were removed from a client or moved to another API after people had allowed them. The operator's commands are run on the
 * database of a running server.
 */
const console = await openConsole(t, { SIGNET_ISSUER: `http://localhost:${await freePort()}` })
const idp = await startSignet(t, console.environment)

async function operator(...args: string[]): Promise<void> {
  await console.json(...args)
  // Do not wait until PostgreSQL has notified this node.
  idp.signet.clients.clear()
}

let installations = 0
const everything = 'openid profile offline_access'

/** Two APIs, of which the first has a scope, and a client that is registered for it. */
async function install(metadata: Parameters<typeof idp.client>[0] = {}) {
  const number = ++installations
  const [notes, payments] = [`https://notes-${number}.example`, `https://payments-${number}.example`]
  const read = `read-${number}`
  await operator('resources', 'create', '--identifier', notes, '--scope', read)
  await operator('resources', 'create', '--identifier', payments)
  const client = await idp.client({
    token_endpoint_auth_method: 'none',
    scope: `${everything} ${read}`,
    resources: [notes],
    ...metadata,
  })
  return {
    ...{ notes, payments, read, client },
    register: (...flags: string[]) => operator('clients', 'update', client.client_id, ...flags),
    /** Moves the scope from one API to the other, and registers the client for it again. */
    move: async () => {
      await operator('resources', 'update', notes, '--scope', '')
      await operator('resources', 'update', payments, '--scope', read)
      await operator('clients', 'update', client.client_id, '--scope', `${everything} ${read}`)
    },
  }
}

const signInFor = (client: TestClient, scope: string, more: Record<string, string> = {}) =>
  signIn(idp, client, { parameters: { scope, ...more } })

const refresh = (client: TestClient, token: string, more: Record<string, string> = {}): Promise<Reply> =>
  idp.token(client, { grant_type: 'refresh_token', refresh_token: token, ...more })

const userinfo = async (token: string) => {
  const response = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** Audience and scopes of the access token in a response; the response must state the same. */
function issued(t: Test, reply: Reply) {
  t.equal(reply.status, 200, JSON.stringify(reply.body))
  const { aud, scope } = decodeJwt(reply.body.access_token)
  t.equal(reply.body.scope, scope, 'the response states what was issued')
  return { aud, scope }
}

const error = (code: string) => ({ status: 400, body: { error: code } })

t.test('the account page shows what was allowed, and not what another API means by the same name', async (t) => {
  const { client, read, payments, move, register } = await install()
  const firstParty = await install({ first_party: true })
  const { browser, person } = await signInFor(client, `${everything} ${read}`)
  await signIn(idp, firstParty.client, { browser, person, parameters: { scope: `${everything} ${firstParty.read}` } })
  const scopes = async () => {
    const { text } = await browser.get('/account/applications')
    return [read, firstParty.read, 'see your name'].map((said) => text.includes(said))
  }
  t.same(await scopes(), [true, true, true])
  await move()
  t.same(await scopes(), [false, true, true], 'neither by the grant nor by the consent')
  await firstParty.move()
  t.same(await scopes(), [false, false, true])
  await register('--resource', payments)
  await signIn(idp, client, {
    ...{ browser, person },
    parameters: { scope: `${everything} ${read}`, resource: payments, prompt: 'consent' },
  })
  t.same(await scopes(), [true, false, true], 'it has been allowed again')
})

t.test('a scope that was removed from the client is not issued again', async (t) => {
  const { client, notes, read, register } = await install()
  const first = await (await signInFor(client, `${everything} ${read}`)).redeem()
  t.same(issued(t, first), { aud: notes, scope: read })
  const unredeemed = await signInFor(client, `${everything} ${read}`)
  await register('--scope', everything)

  t.test('by refreshing', async (t) => {
    const reply = await refresh(client, first.body.refresh_token)
    t.same(issued(t, reply), { aud: idp.issuer, scope: everything })
    t.ok(reply.body.id_token)
    first.body.refresh_token = reply.body.refresh_token
  })
  t.test('by requesting it alone, or with others', async (t) => {
    t.match(await refresh(client, first.body.refresh_token, { scope: read }), error('invalid_scope'))
    const reply = await refresh(client, first.body.refresh_token, { scope: `openid ${read}` })
    t.same(issued(t, reply), { aud: idp.issuer, scope: 'openid' })
    first.body.refresh_token = reply.body.refresh_token
  })
  t.test('by naming its API', async (t) => {
    t.match(await refresh(client, first.body.refresh_token, { resource: notes }), error('invalid_target'))
  })
  t.test('by redeeming an earlier code', async (t) => {
    t.same(issued(t, await unredeemed.redeem()), { aud: idp.issuer, scope: everything })
  })
  t.test('until the client has it again', async (t) => {
    await register('--scope', `${everything} ${read}`)
    t.same(issued(t, await refresh(client, first.body.refresh_token)), { aud: notes, scope: read })
  })
})

for (const firstParty of [false, true])
  t.test(`a scope that moved to another API${firstParty ? ', of a first-party client' : ''}`, async (t) => {
    const { client, payments, read, move } = await install({
      first_party: firstParty,
      redirect_uris: ['https://app.example/callback'],
    })
    const journey = await signInFor(client, `${everything} ${read}`)
    const before = (await journey.redeem()).body
    const unredeemed = await signIn(idp, client, {
      ...{ browser: journey.browser, person: journey.person },
      parameters: { scope: `${everything} ${read}` },
    })
    await move()

    t.test('is not issued for it on an earlier grant', async (t) => {
      const reply = await refresh(client, before.refresh_token)
      t.same(issued(t, reply), { aud: idp.issuer, scope: everything })
      before.refresh_token = reply.body.refresh_token
      t.match(await refresh(client, before.refresh_token, { scope: read }), error('invalid_scope'))
      t.match(await refresh(client, before.refresh_token, { resource: payments }), error('invalid_target'))
      t.same(issued(t, await unredeemed.redeem()), { aud: idp.issuer, scope: everything }, 'with a code')
    })

    t.test('has to be allowed again', async (t) => {
      const parameters = authorizationParameters(client, pkce(), { scope: `openid ${read}` })
      const silent = await journey.browser.get(`/authorize?${new URLSearchParams({ ...parameters, prompt: 'none' })}`)
      const answer = new URL(silent.location ?? '').searchParams
      t.equal(answer.get('error'), firstParty ? null : 'consent_required')
      if (firstParty) return
      const page = await journey.browser.follow(
        await journey.browser.get(`/authorize?${new URLSearchParams(parameters)}`),
      )
      t.match(page.text, payments)
    })

    t.test('is issued to those who were asked since, but still not on the old grant', async (t) => {
      const journeyAfter = await signIn(idp, client, {
        ...{ browser: journey.browser, person: journey.person },
        parameters: { scope: `${everything} ${read}` },
      })
      const after = await journeyAfter.redeem()
      t.same(issued(t, after), { aud: payments, scope: read })
      t.same(issued(t, await refresh(client, after.body.refresh_token)), { aud: payments, scope: read })
      t.same(issued(t, await refresh(client, before.refresh_token)), { aud: idp.issuer, scope: everything })
    })
  })

t.test('another consent does not restore what was allowed for another API', async (t) => {
  const { client, read, move } = await install()
  const journey = await signInFor(client, `${everything} ${read}`)
  await move()
  const again = (scope: string, more: Record<string, string> = {}) =>
    signIn(idp, client, { browser: journey.browser, person: journey.person, parameters: { scope, ...more } })
  await again('openid', { prompt: 'consent' })
  const { response } = await again(`openid ${read}`, { prompt: 'none' })
  t.equal(response.get('error'), 'consent_required')
})

t.test('a consent page from before a scope moved is shown again', async (t) => {
  const { client, notes, payments, read, move } = await install()
  const person = await idp.person()
  const browser = idp.browser()
  const parameters = authorizationParameters(client, pkce(), { scope: `openid ${read}` })
  const signInPage = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
  const page = await browser.follow(
    await browser.submit(signInPage, 'sign-in', { username: person.username, password: person.password }),
  )
  t.match(page.text, notes)
  await move()
  const shownAgain = await browser.follow(await browser.submit(page, 'allow', { decision: 'allow' }))
  t.match(shownAgain.text, payments)
  t.match((await browser.submit(shownAgain, 'allow', { decision: 'allow' })).location, 'code=')
})

t.test('a resource that was removed from the client is no longer an audience', async (t) => {
  const { client, payments, register } = await install()
  await register('--resource', payments)
  const { body } = await (await signInFor(client, everything, { resource: payments })).redeem()
  t.equal(decodeJwt(body.access_token)['aud'], payments)
  await register('--resource', '')
  t.match(await refresh(client, body.refresh_token, { resource: payments }), error('invalid_target'))
  t.same(issued(t, await refresh(client, body.refresh_token)), { aud: idp.issuer, scope: everything })
})

t.test('deleting a resource also removes its scopes', async (t) => {
  const { client, notes, read } = await install()
  const { body } = await (await signInFor(client, `${everything} ${read}`)).redeem()
  await operator('resources', 'delete', notes)
  t.match(await refresh(client, body.refresh_token, { resource: notes }), error('invalid_target'))
  t.same(issued(t, await refresh(client, body.refresh_token)), { aud: idp.issuer, scope: everything })
})

t.test('removing offline_access ends refreshing, and spends nothing', async (t) => {
  const { client, register } = await install()
  const { body } = await (await signInFor(client, everything)).redeem()
  const unredeemed = await signInFor(client, everything)
  await register('--scope', 'openid profile')
  for (const more of [{}, { scope: 'openid' }])
    t.match(await refresh(client, body.refresh_token, more), error('invalid_grant'))
  const reply = await unredeemed.redeem()
  t.same(issued(t, reply), { aud: idp.issuer, scope: 'openid profile' })
  t.notOk('refresh_token' in reply.body)
  await register('--scope', everything)
  t.same(issued(t, await refresh(client, body.refresh_token)), { aud: idp.issuer, scope: everything })
})

t.test('removing refresh_token from grant_types ends refreshing', async (t) => {
  const { client, register } = await install()
  const { body } = await (await signInFor(client, everything)).redeem()
  const unredeemed = await signInFor(client, everything)
  await register('--grant-type', 'authorization_code')
  t.match(await refresh(client, body.refresh_token), error('unauthorized_client'))
  t.notOk('refresh_token' in (await unredeemed.redeem()).body)
})

t.test('a grant with nothing left issues nothing, and spends nothing', async (t) => {
  const { client, notes, read, register } = await install()
  const journey = await signInFor(client, read)
  const named = await signInFor(client, `openid ${read}`, { resource: notes })
  await register('--scope', 'openid', '--resource', notes)
  t.match(await journey.redeem(), error('invalid_grant'))
  t.match(await named.redeem(), error('invalid_grant'), 'nothing for the API that it names')
  await register('--scope', `${everything} ${read}`)
  t.same(issued(t, await journey.redeem()), { aud: notes, scope: read })
  t.same(issued(t, await named.redeem()), { aud: notes, scope: read })
})

t.test('a client that is no longer first-party has only what people allowed, and that is nothing', async (t) => {
  const { client, register } = await install({ first_party: true })
  const journey = await signInFor(client, everything)
  const { body } = await journey.redeem()
  await register('--no-first-party')
  t.match(await refresh(client, body.refresh_token), error('invalid_grant'))
  t.equal((await userinfo(body.access_token)).status, 403)
  await signIn(idp, client, {
    ...{ browser: journey.browser, person: journey.person },
    parameters: { scope: everything },
  })
  t.same(issued(t, await refresh(client, body.refresh_token)), { aud: idp.issuer, scope: everything })
})

t.test('a client that acts for itself has what it is registered for', async (t) => {
  const { client, notes, read } = await install({
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
  })
  const ask = (more: Record<string, string> = {}) => idp.token(client, { grant_type: 'client_credentials', ...more })
  t.same(issued(t, await ask()), { aud: notes, scope: read })
  // No command leaves a client with a scope that none of its APIs has.
  await idp.signet.database.query({ text: 'DELETE FROM resource_scopes WHERE scope = $1', values: [read] })
  idp.signet.clients.clear()
  t.match(await ask(), error('invalid_scope'))
  t.match(await ask({ scope: read }), error('invalid_scope'))
})

t.test('userinfo follows the scopes that the client still has', async (t) => {
  const { client, register } = await install()
  const person = await idp.person({ name: 'Ada' })
  const journey = await signIn(idp, client, { person, parameters: { scope: everything } })
  const { access_token: token } = (await journey.redeem()).body
  t.match(await userinfo(token), { status: 200, body: { sub: person.sub, name: 'Ada' } })
  await register('--scope', 'openid')
  t.strictSame(await userinfo(token), { status: 200, body: { sub: person.sub } })
  await register('--scope', 'profile')
  t.match(await userinfo(token), { status: 403, body: { error: 'insufficient_scope' } })
})

t.test('introspection reports what is left of a token', async (t) => {
  const { client, notes, read, register, move } = await install({
    token_endpoint_auth_method: 'client_secret_basic',
    refresh_token_rotation: true,
  })
  const ask = async (token: string) => {
    const headers = { authorization: basic(client.client_id, client.secret ?? '') }
    return (await postForm(idp, '/introspect', new URLSearchParams({ token }).toString(), headers)).json
  }
  const { body } = await (await signInFor(client, `${everything} ${read}`)).redeem()
  const { body: own } = await refresh(client, body.refresh_token, { resource: idp.issuer })
  t.match(await ask(body.access_token), { active: true, aud: notes, scope: read })
  t.match(await ask(own.access_token), { active: true, scope: everything })
  t.match(await ask(own.refresh_token), { active: true, scope: `${everything} ${read}` })

  await register('--scope', 'openid offline_access')
  t.same(await ask(body.access_token), { active: false }, 'nothing of it is left')
  t.match(await ask(own.access_token), { active: true, scope: 'openid offline_access' })
  t.match(await ask(own.refresh_token), { active: true, scope: 'openid offline_access' })

  await register('--scope', 'openid')
  t.same(await ask(own.refresh_token), { active: false }, 'it cannot be used')

  await register('--scope', `${everything} ${read}`)
  t.match(await ask(body.access_token), { active: true, aud: notes, scope: read })
  await move()
  t.same(await ask(body.access_token), { active: false }, 'the scope means something else now')
  t.match(await ask(own.refresh_token), { active: true, scope: everything })
})
