import t from 'tap'
import { changeClient } from '../../src/operations/client-registration.ts'
import { deviceCodeGrant } from '../../src/records/clients/client.ts'
import { changeMetadata, completeMetadata } from '../../src/records/clients/client-metadata.ts'
import { decide, startDevice } from '../support/device.ts'
import { basic, type Person, type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { registered } from '../support/registration.ts'
import { send } from './send.ts'

/* What two pairwise clients of different sectors try in order to find out that they have the same person, and what else could reveal the account's own `sub`. */

const idp = await startSignet(t, { SIGNET_REGISTRATION: 'open' })
const api = 'https://notes.example'
const operator = { kind: 'operator', by: 'test@here' } as const

const pairwise = (host: string, more = {}) =>
  idp.client({
    subject_type: 'pairwise',
    redirect_uris: [`https://${host}/callback`],
    post_logout_redirect_uris: [`https://${host}/bye`],
    scope: 'openid offline_access notes:read',
    resources: [api],
    ...more,
  })
const reader = await idp.client({ redirect_uris: [], grant_types: ['client_credentials'], response_types: [] })
await idp.resource(api, ['notes:read'], { servedBy: [reader.client_id] })
const shop = await pairwise('shop.example', { grant_types: ['authorization_code', 'refresh_token', deviceCodeGrant] })
const bank = await pairwise('bank.example')
const open = await idp.client({ scope: 'openid offline_access' })

type Claims = Readonly<Record<string, unknown>>
const claimsOf = (jwt: string): Claims => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
const userinfoOf = async (token: string): Promise<{ status: number; text: string }> => {
  const answer = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  return { status: answer.status, text: await answer.text() }
}
const introspected = async (by: TestClient, token: string): Promise<Claims> => {
  const answer = await fetch(`${idp.issuer}/introspect`, {
    method: 'POST',
    headers: { authorization: basic(by.client_id, by.secret ?? '') },
    body: new URLSearchParams({ token }),
  })
  return (await answer.json()) as Claims
}
const refresh = (client: TestClient, token: string, more = {}): Promise<Reply> =>
  idp.token(client, { grant_type: 'refresh_token', refresh_token: token, ...more })

/** Everything that a client, and the API that it calls, can read about a person, by its place. */
async function everythingAbout(client: TestClient, person: Person): Promise<Record<string, Claims>> {
  const journey = await signIn(idp, client, { person })
  const first = (await journey.redeem()).body
  const next = (await refresh(client, first.refresh_token)).body
  const found: Record<string, Claims> = {
    'ID token': claimsOf(first.id_token),
    'refreshed ID token': claimsOf(next.id_token),
    'access token': claimsOf(first.access_token),
    'refreshed access token': claimsOf(next.access_token),
    userinfo: JSON.parse((await userinfoOf(next.access_token)).text),
    'introspected access token': await introspected(client, next.access_token),
    'introspected refresh token': await introspected(client, next.refresh_token),
  }
  if (client.resources.length === 0) return found
  const wide = await signIn(idp, client, { person, parameters: { scope: 'openid offline_access notes:read' } })
  const forApi = (await wide.redeem(wide.code, { resource: api })).body.access_token
  return {
    ...found,
    'access token for the API': claimsOf(forApi),
    'introspected by the API': await introspected(reader, forApi),
  }
}

/** Claims that are the same for everybody, or say how somebody signed in. */
const notAboutThePerson = [
  'iss',
  'acr',
  'amr',
  'scope',
  'token_type',
  'active',
  'aud',
  'iat',
  'exp',
  'auth_time',
  'nonce',
  'client_id',
]

t.test('nothing is the same in what two sectors see of a person, and nothing is the account’s own sub', async (t) => {
  const person = await idp.person()
  const [inShop, inBank] = [await everythingAbout(shop, person), await everythingAbout(bank, person)]
  for (const [place, claims] of Object.entries(inShop)) {
    const others = inBank[place] ?? {}
    t.match(claims['sub'], /^[A-Za-z0-9_-]{22}$/, place)
    for (const [name, value] of Object.entries(claims))
      if (!notAboutThePerson.includes(name)) t.notSame(value, others[name], `${place}: ${name}`)
    t.notMatch(JSON.stringify([claims, others]), person.sub, place)
  }
  const subs = (seen: Record<string, Claims>) => new Set(Object.values(seen).map(({ sub }) => sub))
  t.equal(subs(inShop).size, 1, 'one client sees one subject everywhere')
  t.equal(subs(inBank).size, 1)
  t.same([...subs(await everythingAbout(open, person))], [person.sub], 'a public client sees the account’s own')
})

t.test('the same for a device', async (t) => {
  const person = await idp.person()
  const device = await startDevice(idp, shop, { scope: 'openid' })
  await decide(idp.browser(), person, device)
  const { body } = await device.poll()
  const { sub } = claimsOf((await (await signIn(idp, shop, { person })).redeem()).body.id_token)
  t.same([claimsOf(body.id_token)['sub'], claimsOf(body.access_token)['sub']], [sub, sub])
})

t.test('clients of one sector see the same person, whatever their ports and paths', async (t) => {
  const person = await idp.person()
  const [first, second] = [
    await pairwise('family.example', { redirect_uris: ['https://family.example:8443/one'] }),
    await pairwise('other.example', { sector_identifier_uri: 'https://family.example/uris.json' }),
  ]
  const subOf = async (client: TestClient) =>
    claimsOf((await (await signIn(idp, client, { person })).redeem()).body.id_token)['sub']
  t.equal(await subOf(first), await subOf(second))
  t.not(await subOf(first), await subOf(shop))
})

t.test('an id_token_hint', async (t) => {
  const person = await idp.person()
  const journey = await signIn(idp, shop, { person })
  const { browser } = journey
  const hint = (await journey.redeem()).body.id_token as string
  const elsewhere = (await (await signIn(idp, bank, { person, browser })).redeem()).body.id_token as string
  const public_ = (await (await signIn(idp, open, { person, browser })).redeem()).body.id_token as string
  const stranger = (await (await signIn(idp, shop)).redeem()).body.id_token as string
  const authorize = async (client: TestClient, more: Record<string, string>) => {
    const visit = await browser.get(`/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`)
    const answered = new URL(visit.location ?? '', 'http://x').searchParams
    return answered.get('error') ?? (answered.has('code') ? 'code' : 'page')
  }

  t.test('of this client for this person works, with prompt=none too', async (t) => {
    t.equal(await authorize(shop, { id_token_hint: hint, prompt: 'none' }), 'code')
    t.equal(await authorize(shop, { id_token_hint: hint }), 'code')
  })

  t.test('of another sector or of a public client is refused', async (t) => {
    for (const other of [elsewhere, public_])
      t.equal(await authorize(shop, { id_token_hint: other, prompt: 'none' }), 'invalid_request')
    t.equal(await authorize(open, { id_token_hint: hint, prompt: 'none' }), 'invalid_request')
  })

  t.test('for somebody else says only that another sign-in is needed', async (t) => {
    t.equal(await authorize(shop, { id_token_hint: stranger, prompt: 'none' }), 'login_required')
    const subjects = [claimsOf(stranger)['sub'], claimsOf(hint)['sub']]
    const answer = await browser.get(
      `/authorize?${new URLSearchParams(authorizationParameters(shop, pkce(), { id_token_hint: stranger, prompt: 'none' }))}`,
    )
    for (const secret of [...subjects, person.sub]) t.notMatch(answer.location, String(secret))
  })

  t.test(
    'at /logout: of another sector it cannot return to this one, of somebody else it asks, of this session it signs out',
    async (t) => {
      const logout = (parameters: Record<string, string>) => browser.get(`/logout?${new URLSearchParams(parameters)}`)
      const back = { post_logout_redirect_uri: 'https://shop.example/bye' }
      t.match(await logout({ id_token_hint: elsewhere, ...back }), { status: 400, location: undefined })
      t.match((await logout({ id_token_hint: stranger, ...back })).text, 'id="confirm-logout"')
      t.match((await browser.get('/')).text, 'id="sign-out"', 'still signed in')
      t.equal((await logout({ id_token_hint: hint, ...back, state: 's' })).location, 'https://shop.example/bye?state=s')
      t.notMatch((await browser.get('/')).text, 'id="sign-out"')
    },
  )
})

t.test('tokens of one client are not tokens of another, whatever their subject', async (t) => {
  const person = await idp.person()
  const [ofShop, ofBank] = [
    (await (await signIn(idp, shop, { person })).redeem()).body,
    (await (await signIn(idp, bank, { person })).redeem()).body,
  ]
  t.same(await introspected(bank, ofShop.access_token), { active: false })
  t.same(await introspected(bank, ofShop.refresh_token), { active: false })
  t.match(await refresh(bank, ofShop.refresh_token), { status: 400, body: { error: 'invalid_grant' } })

  // Signed by this installation, but with the subject of another sector: as if the code had mixed up two clients.
  for (const sub of [claimsOf(ofBank.access_token)['sub'], person.sub, (await idp.person()).sub]) {
    const forged = await idp.signet.keyRing.sign('ES256', 'at+jwt', { ...claimsOf(ofShop.access_token), sub }, 60)
    t.equal((await userinfoOf(forged)).status, 401)
    t.same(await introspected(shop, forged), { active: false })
  }
  t.equal((await userinfoOf(ofShop.access_token)).status, 200)
})

t.test('a client whose subjects change: nothing from before is of any use', async (t) => {
  const person = await idp.person()
  const moving = await pairwise('before.example', { redirect_uris: ['https://before.example/callback'] })
  const journey = await signIn(idp, moving, { person })
  const { body } = await journey.redeem()
  const pending = await signIn(idp, moving, { person, browser: journey.browser })
  const changed = await changeClient(idp.signet, operator, moving.client_id, { subject_type: 'public' })
  t.match(changed, { subjectsChanged: true })
  idp.signet.clients.clear()
  t.match(await refresh(moving, body.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
  t.match(await pending.redeem(), { status: 400, body: { error: 'invalid_grant' } }, 'nor a code')
  t.equal((await userinfoOf(body.access_token)).status, 401)
  t.same(await introspected(moving, body.access_token), { active: false })
  const again = (await (await signIn(idp, moving, { person, browser: journey.browser })).redeem()).body
  t.equal(claimsOf(again.id_token)['sub'], person.sub)
  const hint = { id_token_hint: body.id_token, prompt: 'none' }
  const answer = await send(idp, {
    path: `/authorize?${new URLSearchParams(authorizationParameters(moving, pkce(), hint))}`,
    headers: { cookie: [...journey.browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
  })
  t.match(answer.location, 'error=login_required', 'and the hint names nobody any more')

  t.match(await changeClient(idp.signet, operator, moving.client_id, { client_name: 'Same' }), {
    subjectsChanged: false,
  })
})

t.test('a client that registers itself cannot choose the sector of somebody else', async (t) => {
  const context = { resources: [], groups: [] }
  const own = completeMetadata({ redirect_uris: ['https://evil.example/cb'], subject_type: 'pairwise' }, context)
  const public_ = completeMetadata({ redirect_uris: ['https://evil.example/cb'] }, context)
  for (const [existing, changes] of [
    [own, { redirect_uris: ['https://bank.example/callback'] }],
    [own, { redirect_uris: ['https://bank.example/callback'], subject_type: 'pairwise' }],
    [own, { sector_identifier_uri: 'https://bank.example/uris.json' }],
    [own, { subject_type: 'public' }],
    [public_, { redirect_uris: ['https://bank.example/callback'], subject_type: 'pairwise' }],
  ] as const)
    t.throws(() => changeMetadata(existing, changes, context), /cannot be changed/, JSON.stringify(changes))
  t.equal(
    changeMetadata(own, { redirect_uris: ['https://evil.example/2'] }, context).redirect_uris[0],
    'https://evil.example/2',
  )

  const grant_types = ['authorization_code', deviceCodeGrant]
  const device = { redirect_uris: ['https://bank.example/callback'], subject_type: 'pairwise', grant_types }
  t.throws(() => completeMetadata(device, context), /device code grant/, 'which needs no redirect URI of the bank')
  for (const uri of [
    'com.example.app:/cb',
    'com.evil.app://bank.example/cb',
    'http://localhost/cb',
    'http://127.0.0.1/cb',
    'https://localhost/cb',
  ])
    t.throws(
      () =>
        completeMetadata(
          { redirect_uris: [uri], subject_type: 'pairwise', token_endpoint_auth_method: 'none' },
          context,
        ),
      /sector_identifier_uri is missing/,
      uri,
    )
})

t.test(
  'a client that registered itself cannot move to the sector of another application, and learn its subjects by a refresh',
  async (t) => {
    const metadata = {
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://evil.example/cb'],
      subject_type: 'pairwise',
      scope: 'openid offline_access',
    }
    const evil = await registered(idp, metadata)
    const person = await idp.person()
    const { body } = await (await signIn(idp, evil.client, { person, parameters: { nonce: 'n' } })).redeem()
    for (const changes of [
      { redirect_uris: ['https://bank.example/callback'] },
      { redirect_uris: ['https://bank.example/callback'], subject_type: 'public' },
      { subject_type: 'public' },
    ])
      t.match(await evil.replace({ ...metadata, ...changes }), {
        status: 400,
        body: { error: 'invalid_client_metadata', error_description: /Register a new client/ },
      })
    t.match(await evil.replace({ ...metadata, redirect_uris: ['https://evil.example/other'] }), { status: 200 })
    idp.signet.clients.clear()
    const next = await refresh(evil.client, body.refresh_token)
    t.equal(claimsOf(next.body.id_token)['sub'], claimsOf(body.id_token)['sub'])
  },
)

t.test('the metadata announces both types', async (t) => {
  const answer = await fetch(`${idp.issuer}/.well-known/openid-configuration`)
  t.match(await answer.json(), { subject_types_supported: ['public', 'pairwise'] })
})
