import { decodeJwt } from 'jose'
import t from 'tap'
import { exportData } from '../../src/operations/personal-data.ts'
import { personalClaimNames } from '../../src/tokens/personal-claims.ts'
import { type Reply, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'

/* The parameter `claims` (OpenID Connect Core §5.5), as an application uses it. `test/attacks/claims.test.ts` has what it must not do. */
const idp = await startSignet(t)
const { database } = idp.signet

const everyScope = 'openid profile email address phone offline_access'
const profile = {
  ...{ name: 'Ada Lovelace', given_name: 'Ada', family_name: 'Lovelace', middle_name: 'King', nickname: 'ada' },
  ...{ profile: 'https://ada.example/me', picture: 'https://ada.example/me.png', website: 'https://ada.example' },
  ...{ gender: 'female', birthdate: '1815-12-10', zoneinfo: 'Europe/London', locale: 'en' },
  ...{ phone_number: '+441234567890', address: { country: 'GB' } },
}

const parametersFor = (claims: object, more: Record<string, string> = {}) => ({
  ...{ scope: 'openid offline_access', claims: JSON.stringify(claims) },
  ...more,
})

async function userinfo({ body }: Reply): Promise<Record<string, unknown>> {
  const response = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${body.access_token}` } })
  return (await response.json()) as Record<string, unknown>
}

const personalIn = ({ body }: Reply) =>
  Object.fromEntries(Object.entries(decodeJwt(body.id_token)).filter(([name]) => personalClaimNames.includes(name)))

t.test('the metadata says so', async (t) => {
  const metadata = (await (await fetch(`${idp.issuer}/.well-known/openid-configuration`)).json()) as {
    claims_supported: string[]
  }
  t.match(metadata, { claims_parameter_supported: true, claim_types_supported: ['normal'] })
  // OpenID Connect Core §5.1 and §2.
  const standard =
    'sub name given_name family_name middle_name nickname preferred_username profile picture website email email_verified gender birthdate zoneinfo locale phone_number phone_number_verified address updated_at iss aud exp iat auth_time nonce acr amr'
  for (const claim of standard.split(' ')) t.ok(metadata.claims_supported.includes(claim), claim)
  t.equal(new Set(metadata.claims_supported).size, metadata.claims_supported.length)
})

t.test('a claim is returned where the application asked for it, and still after refreshing', async (t) => {
  const client = await idp.client({ scope: everyScope, id_token_profile_claims: false })
  const person = await idp.person(profile)
  const claims = {
    userinfo: { name: { essential: true }, phone_number: null },
    id_token: { email: null, email_verified: { essential: true }, auth_time: { essential: true } },
  }
  const { browser, redeem } = await signIn(idp, client, { person, parameters: parametersFor(claims) })
  let tokens = await redeem()
  for (const round of ['from the code', 'refreshed', 'refreshed with fewer scopes']) {
    t.same(personalIn(tokens), { email: person.email, email_verified: false }, round)
    t.type(decodeJwt(tokens.body.id_token)['auth_time'], 'number')
    const about = { sub: person.sub, name: profile.name, phone_number: profile.phone_number }
    t.same(await userinfo(tokens), about, round)
    t.notOk(personalClaimNames.some((name) => name in decodeJwt(tokens.body.access_token)))
    const scope: Record<string, string> = round === 'refreshed' ? { scope: 'openid' } : {}
    const refreshed = { grant_type: 'refresh_token', refresh_token: tokens.body.refresh_token, ...scope }
    tokens = await idp.token(client, refreshed)
    t.equal(tokens.body.scope, scope['scope'] ?? 'openid offline_access', 'a claim is no scope')
  }
  const other = await signIn(idp, client, { browser, person, parameters: { scope: 'openid' } })
  t.same(await userinfo(await other.redeem()), { sub: person.sub }, 'another request has its own claims')
})

t.test('scopes keep their claims beside those that are named', async (t) => {
  const client = await idp.client({ scope: everyScope, id_token_profile_claims: true })
  const person = await idp.person(profile)
  const claims = { userinfo: { birthdate: null, email: null }, id_token: { phone_number: null } }
  const parameters = parametersFor(claims, { scope: 'openid email' })
  const tokens = await (await signIn(idp, client, { person, parameters })).redeem()
  const email = { email: person.email, email_verified: false }
  t.same(personalIn(tokens), { ...email, phone_number: profile.phone_number })
  t.same(await userinfo(tokens), { sub: person.sub, ...email, birthdate: profile.birthdate })
})

t.test('every standard claim can be named, and one that the person lacks is left out', async (t) => {
  const client = await idp.client({ scope: everyScope, first_party: true })
  const every = Object.fromEntries(personalClaimNames.map((claim) => [claim, { essential: true }]))
  const parameters = parametersFor({ userinfo: every })
  const person = await idp.person(profile)
  const about = await userinfo(await (await signIn(idp, client, { person, parameters })).redeem())
  const had = personalClaimNames.filter((claim) => claim !== 'groups' && claim !== 'roles')
  t.same(Object.keys(about).sort(), ['sub', ...had].sort())
  t.match(about, { ...profile, preferred_username: person.username, email: person.email })
  const bare = await idp.person()
  const little = await userinfo(await (await signIn(idp, client, { person: bare, parameters })).redeem())
  const few = ['email', 'email_verified', 'preferred_username', 'sub', 'updated_at']
  t.same(Object.keys(little).sort(), few)
})

t.test('people see what they allow, in their language, are asked once, and can end it', async (t) => {
  const client = await idp.client({ scope: everyScope, client_name: 'Notes' })
  const person = await idp.person(profile)
  const { browser } = await signIn(idp, client, { person, parameters: { scope: 'openid' } })
  const ask = async (claims: object, more: Record<string, string> = {}) => {
    const parameters = authorizationParameters(client, pkce(), parametersFor(claims, { scope: 'openid', ...more }))
    return browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
  }
  const claims = { userinfo: { email: null, birthdate: null }, id_token: { email: null } }
  const items = (text: string) => [...text.matchAll(/<li>([^<]+)<\/li>/g)].map(([, words]) => words)
  t.same(items((await ask(claims)).text), [
    ...['recognise you when you come back', 'see your date of birth', 'see your e-mail address'],
  ])
  t.same(items((await ask(claims, { ui_locales: 'de' })).text).slice(1), [
    ...['Ihr Geburtsdatum sehen', 'Ihre E-Mail-Adresse sehen'],
  ])
  t.same(items((await ask(claims, { scope: 'openid email' })).text).slice(1), [
    ...['see your e-mail address', 'see your date of birth'],
  ])
  await browser.submit(await ask(claims), 'allow', { decision: 'allow' })
  t.match((await ask(claims)).location, 'code=', 'not asked again')
  t.match((await ask({ userinfo: { birthdate: null } })).location, 'code=', 'nor for less')
  t.match((await ask({ ...claims, id_token: { name: null } })).text, 'see your name', 'but for more')

  const page = await browser.get('/account/applications')
  t.match(page.text, 'see your date of birth')
  t.match(page.text, 'see your e-mail address')
  await browser.submit(page, `disconnect-${client.client_id}`)
  t.notMatch((await browser.get('/account/applications')).text, 'date of birth')
  t.match((await ask(claims)).text, 'see your date of birth', 'asked again')
})

t.test('events and the data of a person have the claims', async (t) => {
  const client = await idp.client({ scope: everyScope })
  const claims = { userinfo: { name: null }, id_token: { email: null, phone_number: null } }
  const parameters = parametersFor(claims, { scope: 'openid email' })
  const { person } = await signIn(idp, client, { parameters })
  const { rows } = await database.query({
    text: `SELECT type, detail FROM events WHERE sub = $1 AND type IN ('grant_opened', 'consent_given') ORDER BY type`,
    values: [person.sub],
  })
  const detail = { scopes: ['openid', 'email'], claims: ['name', 'phone_number'] }
  t.same(rows, [
    { type: 'consent_given', detail },
    { type: 'grant_opened', detail },
  ])
  const pieces = await exportData(idp.signet, { kind: 'operator', by: 'test' }, person.sub)
  if (pieces === 'no_such_account') throw new Error('The account exists.')
  let text = ''
  for await (const piece of pieces) text += piece
  t.match(JSON.parse(text), {
    applications: [{ client_id: client.client_id, claims: ['name', 'phone_number'] }],
    grants: [{ claims: { userinfo: ['name'], id_token: ['email', 'phone_number'] } }],
  })
})
