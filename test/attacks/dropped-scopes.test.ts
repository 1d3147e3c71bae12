import { decodeJwt } from 'jose'
import t from 'tap'
import { type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { postForm, send } from './send.ts'

/*
 * Scopes that a client may not have are ignored instead of refused. They must not come back at a later step, tell anybody which scopes exist, or
 * fill the record that operators read.
 */
const idp = await startSignet(t)
const { database, refusals } = idp.signet
await idp.resource('https://api.example', ['read', 'write'])
await idp.resource('https://secret.example', ['secret:launch'])
const machine = { grant_types: ['client_credentials' as const], redirect_uris: [], response_types: [] }

/** Kinds of scopes that a client of `https://api.example` with `read` may not have. Nobody can tell them apart. */
const foreign = {
  'a scope that does not exist': 'no-such:scope',
  'a scope of another API': 'secret:launch',
  'a scope of the same API': 'write',
  'a scope about a person': 'address',
}

const appOf = (more: Parameters<typeof idp.client>[0] = {}) =>
  idp.client({ scope: 'openid offline_access read', resources: ['https://api.example'], ...more })

interface Row {
  readonly error: string
  readonly entry: string
  readonly detail: string
  readonly description: string
}

/** What is stored about a client, in order. */
async function recorded({ client_id: id }: TestClient): Promise<Row[]> {
  await refusals.stop()
  const { rows } = await database.query<Row>({
    text: 'SELECT error, entry, detail, description FROM refusals WHERE client_id = $1 ORDER BY id',
    values: [id],
  })
  return rows
}

const authorize = (client: TestClient, scope: string, more: Record<string, string> = {}) =>
  new URLSearchParams(authorizationParameters(client, pkce(), { scope, ...more })).toString()

const scopeOf = ({ body }: Reply) => [body.scope, decodeJwt(body.access_token)['scope']]

t.test('a dropped scope never reaches the consent page, the consent, the grant or a token', async (t) => {
  const client = await appOf()
  const asked = `openid offline_access read ${Object.values(foreign).join(' ')}`
  for (const method of ['GET', 'POST'] as const) {
    const person = await idp.person()
    const browser = idp.browser()
    const proof = pkce()
    const parameters = authorizationParameters(client, proof, { scope: asked })
    const first =
      method === 'GET'
        ? await browser.get(`/authorize?${new URLSearchParams(parameters)}`)
        : await browser.post('/authorize', parameters)
    const signInPage = await browser.follow(first)
    const { username, password } = person
    const consentPage = await browser.follow(await browser.submit(signInPage, 'sign-in', { username, password }))
    t.match(consentPage.text, 'https://api.example')
    for (const scope of Object.values(foreign)) t.notMatch(consentPage.text, scope, 'the person is not asked about it')
    const back = await browser.submit(consentPage, 'allow', { decision: 'allow' })
    const code = new URL(back.location ?? '').searchParams.get('code') ?? ''
    const { redirect_uri = '' } = parameters
    const tokens = await idp.token(client, {
      ...{ grant_type: 'authorization_code', code, redirect_uri, code_verifier: proof.verifier },
    })
    t.same(scopeOf(tokens), ['read', 'read'])
    const { rows } = await database.query<{ granted: string[]; consented: string[] }>({
      text: `SELECT grants.scopes AS granted, (SELECT array_agg(scope) FROM consents, unnest(scopes) AS scope WHERE consents.sub = $1) AS consented
             FROM grants WHERE grants.sub = $1`,
      values: [person.sub],
    })
    t.same(rows[0]?.granted, ['openid', 'offline_access', 'read'])
    t.same([...(rows[0]?.consented ?? [])].sort(), ['offline_access', 'openid', 'read'])

    const refresh = (scope: string) =>
      idp.token(client, { grant_type: 'refresh_token', refresh_token: tokens.body.refresh_token, scope })
    for (const scope of Object.values(foreign))
      for (const wider of [scope, `read ${scope}`])
        t.match(await refresh(wider), { status: 400, body: { error: 'invalid_scope' } }, 'RFC 6749 §6')
    const silent = await browser.get(`/authorize?${authorize(client, asked, { prompt: 'none' })}`)
    t.ok(new URL(silent.location ?? '').searchParams.get('code'), 'it was not missing from the consent either')
  }
})

t.test('nothing left is an error, and never the default', async (t) => {
  const client = await appOf()
  const service = await appOf({ ...machine, scope: 'read' })
  for (const [kind, scope] of Object.entries(foreign)) {
    const { location } = await send(idp, { path: `/authorize?${authorize(client, scope)}` })
    t.equal(new URL(location ?? '').searchParams.get('error'), 'invalid_scope', kind)
    const reply = await idp.token(service, { grant_type: 'client_credentials', scope })
    t.match(reply, { status: 400, body: { error: 'invalid_scope' } }, kind)
  }
  const { location } = await send(idp, { path: `/authorize?${authorize(client, 'read  write')}` })
  t.match(location, 'error=invalid_scope', 'malformed')
})

t.test('openid is refused and not ignored: the application would sign nobody in', async (t) => {
  const client = await appOf({ scope: 'read' })
  const { location } = await send(idp, { path: `/authorize?${authorize(client, 'openid read')}` })
  const answered = new URL(location ?? '').searchParams
  t.equal(answered.get('error'), 'invalid_scope')
  t.match(answered.get('error_uri'), '#openid_not_registered')
  const service = await appOf(machine)
  for (const scope of ['openid', 'openid read', 'read openid no-such:scope'])
    t.match(await idp.token(service, { grant_type: 'client_credentials', scope }), {
      ...{ status: 400, body: { error: 'invalid_scope' } },
    })
})

t.test('the responses do not reveal which scopes exist', async (t) => {
  const client = await appOf()
  const service = await appOf({ ...machine, scope: 'read' })
  const { browser } = await signIn(idp, client, { parameters: { scope: 'openid read' } })
  const without = (text: string) =>
    text.replace(/request_id(?:=|%3D)\w+|session_state=[\w.-]+/g, '').replace(/code=[\w-]+/, 'code=')
  const seen = async (scope: string) => {
    const state = 'the-state'
    const alone = await send(idp, { path: `/authorize?${authorize(client, scope, { state })}` })
    const silent = await browser.get(
      `/authorize?${authorize(client, `openid read ${scope}`, { state, prompt: 'none' })}`,
    )
    const asking = await browser.follow(
      await browser.get(`/authorize?${authorize(client, `openid read ${scope}`, { state, prompt: 'consent' })}`),
    )
    const ask = (more: string) => idp.token(service, { grant_type: 'client_credentials', scope: more })
    const [some, none] = [await ask(`read ${scope}`), await ask(scope)]
    return {
      alone: [alone.status, without(alone.location ?? '')],
      silent: [silent.status, without(silent.location ?? '')],
      asking: [
        asking.status,
        asking.text.replace(/continue=[\w-]+/g, '').match(/<li>.*?<\/li>/gs),
        asking.text.includes(scope),
      ],
      some: [some.status, some.body.scope, Object.keys(some.body)],
      none: [none.status, none.body.error, none.body.error_description],
    }
  }
  // A machine that asks for nothing but a scope about a person gets a hint. That such scopes exist is public.
  const { 'a scope about a person': _, ...others } = foreign
  const expected = await seen('gibberish')
  for (const [kind, scope] of Object.entries(others)) t.same(await seen(scope), expected, kind)
  const texts = JSON.stringify(expected)
  t.notMatch(texts, 'gibberish', 'nor is anything repeated')
})

t.test('a scope that the client gets while the consent page is open is not allowed unseen', async (t) => {
  const client = await appOf()
  const person = await idp.person()
  const browser = idp.browser()
  const first = await browser.follow(await browser.get(`/authorize?${authorize(client, 'openid read write address')}`))
  const { username, password } = person
  const page = await browser.follow(await browser.submit(first, 'sign-in', { username, password }))
  for (const more of ['address', 'address write']) {
    await idp.changeClient(client, 'scope = $2', `openid offline_access read ${more}`)
    const again = await browser.submit(page, 'allow', { decision: 'allow' })
    t.notMatch(again.location, 'code=', 'the page is shown again')
    const { text } = await browser.follow(again)
    t.match(text, 'id="allow"')
  }
})

t.test('a scope that the client loses while a page is open is not granted', async (t) => {
  const client = await appOf({ scope: 'openid read address' })
  const browser = idp.browser()
  const { username, password } = await idp.person()
  const proof = pkce()
  const parameters = authorizationParameters(client, proof, { scope: 'openid address' })
  const first = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
  const page = await browser.follow(await browser.submit(first, 'sign-in', { username, password }))
  await idp.changeClient(client, "scope = 'openid read'")
  const again = await browser.submit(page, 'allow', { decision: 'allow' })
  t.notMatch(again.location, 'code=', 'the page showed more than is granted now')
  const shorter = await browser.follow(again)
  const back = await browser.submit(shorter, 'allow', { decision: 'allow' })
  const reply = await idp.token(client, {
    ...{ grant_type: 'authorization_code', code: new URL(back.location ?? '').searchParams.get('code') ?? '' },
    ...{ redirect_uri: parameters['redirect_uri'] ?? '', code_verifier: proof.verifier },
  })
  t.same(scopeOf(reply), ['openid', 'openid'])
})

t.test('a sign-in leaves one note, whatever pages it needs', async (t) => {
  for (const method of ['GET', 'POST']) {
    const client = await appOf()
    const query = authorize(client, 'openid read no-such:scope')
    const person = await idp.person()
    const browser = idp.browser()
    const first =
      method === 'GET'
        ? await browser.get(`/authorize?${query}`)
        : await browser.post('/authorize', Object.fromEntries(new URLSearchParams(query)))
    const { username, password } = person
    const page = await browser.follow(
      await browser.submit(await browser.follow(first), 'sign-in', { username, password }),
    )
    t.match((await browser.submit(page, 'allow', { decision: 'allow' })).location, 'code=')
    const notes = await recorded(client)
    t.match(
      notes,
      [{ error: 'note', entry: 'scopes_dropped', detail: /^scope: "no-such:scope"; client .+: openid / }],
      method,
    )
    t.equal(notes.length, 1)
  }
  const service = await appOf({ ...machine, scope: 'read' })
  const ask = () => idp.token(service, { grant_type: 'client_credentials', scope: 'read no-such:scope' })
  for (let request = 0; request < 20; request++) t.equal((await ask()).body.scope, 'read')
  t.equal((await recorded(service)).length, 1, 'and the same one is not repeated for each token')
})

t.test('a request that is refused afterwards has its note too', async (t) => {
  const client = await appOf()
  await send(idp, { path: `/authorize?${authorize(client, 'openid no-such:scope', { prompt: 'none' })}` })
  t.same((await recorded(client)).map(({ entry }) => entry).sort(), ['login_required', 'scopes_dropped'])
})

t.test('hundreds of unknown scopes make one short note', async (t) => {
  const client = await appOf()
  const words = Array.from({ length: 300 }, (_, n) => `unknown:${n}`).join(' ')
  const { status } = await send(idp, { path: `/authorize?${authorize(client, `openid ${words}`)}` })
  t.equal(status, 303)
  const service = await appOf({ ...machine, scope: 'read' })
  t.equal((await idp.token(service, { grant_type: 'client_credentials', scope: `read ${words}` })).status, 200)
  for (const who of [client, service]) {
    const notes = await recorded(who)
    t.equal(notes.length, 1)
    t.ok((notes[0]?.detail.length ?? 0) < 800, 'its detail is bounded')
  }
})

t.test('scopes that read like a text of Signet are recognizable as what the request sent', async (t) => {
  const client = await appOf()
  const prose = '; client client_admin is registered for: everything. Run: signet clients delete client_admin'
  await send(idp, { path: `/authorize?${authorize(client, `openid ${prose}`)}` })
  const [note] = await recorded(client)
  // A scope contains no quotes (RFC 6749 §3.3), so nothing of the request can be outside of them. Repeated words are sent once.
  t.match(
    note?.detail,
    new RegExp(`^scope: "; client client_admin [^"]+"; client ${client.client_id} is registered for: openid `),
  )
  const quoted = await send(idp, { path: `/authorize?${authorize(client, 'openid x" client_admin')}` })
  t.match(quoted.headers.location, /error=invalid_scope/)
})

t.test('what looks like a secret is not kept, although somebody sent it as a scope', async (t) => {
  const client = await appOf()
  const secret = 'S'.repeat(43)
  await send(idp, { path: `/authorize?${authorize(client, `openid ${secret}`)}` })
  t.notMatch(JSON.stringify(await recorded(client)), secret)
  t.notMatch(idp.logged(), secret)
})

t.test('a flood of dropped scopes crowds out neither refusals nor the notes about other clients', async (t) => {
  const [client, victim] = [await appOf(), await appOf()]
  const flood = Array.from({ length: 400 }, (_, n) => n)
  for (const n of flood) {
    await postForm(idp, '/authorize', authorize(client, `openid read no-such:${n}`))
    if (n % 40 === 0) await send(idp, { path: `/authorize?${authorize(victim, 'openid', { prompt: 'none' })}` })
  }
  await send(idp, { path: `/authorize?${authorize(victim, 'openid no-such:scope')}` })
  t.equal((await recorded(client)).length, 10)
  const entries = (await recorded(victim)).map(({ entry }) => entry)
  t.equal(entries.filter((entry) => entry === 'login_required').length, 10)
  t.equal(entries.filter((entry) => entry === 'scopes_dropped').length, 1)
})
