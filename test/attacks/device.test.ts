import { randomBytes } from 'node:crypto'
import t from 'tap'
import { deviceCodeGrant } from '../../src/records/clients/client.ts'
import { userCodesPerNetwork, userCodesPerPerson } from '../../src/records/limits/limit-counters.ts'
import { newUserCode, shownUserCode } from '../../src/tokens/device-request.ts'
import type { Browser, Visit } from '../support/browser.ts'
import {
  askForDevice,
  decide,
  deviceGrants,
  ofDevice,
  openRequest,
  type StartedDevice,
  startDevice,
} from '../support/device.ts'
import { type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

/*
 * Attacks on the device authorization grant (RFC 8628 §5). Requests come through a trusted proxy, so that a test can choose its network.
 */
const idp = await startSignet(t, { SIGNET_TRUST_PROXY: '127.0.0.1' })
const { database } = idp.signet
await idp.resource('https://films.example', ['films:watch', 'films:delete'])
await idp.resource('https://bank.example', ['bank:read'])
const client = await idp.client(ofDevice)
const web = await idp.client()

const errorOf = ({ status, body }: Reply) => [status, body.error]
const from = (network: string) => ({ 'x-forwarded-for': network })
const signedIn = () => signIn(idp, web)
const countOf = async (type: string, sub: string) =>
  (await database.query({ text: 'SELECT FROM events WHERE type = $1 AND sub = $2', values: [type, sub] })).rowCount
/** Makes it so long ago that the device asked. */
const wait = ({ issued }: StartedDevice, seconds: number) =>
  database.query({
    text: 'UPDATE device_requests SET polled_at = polled_at - make_interval(secs => $2) WHERE user_code = $1',
    values: [issued.user_code.replace('-', ''), seconds],
  })
/** What a page says, without what differs between any two pages. */
const said = ({ status, text }: Visit) => [status, text.replace(/value="[^"]*"/g, '')]

/** The forms of the page about a request, as a script could send them. */
function formOf(page: Visit, more: Record<string, string> = {}): Record<string, string> {
  const inputs = [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
  return { ...Object.fromEntries(inputs.map(([, name, value]) => [name, value])), decision: 'allow', ...more }
}

const asks = (browser: Browser, code: string, network = '192.0.2.1') =>
  browser.post('/device', { user_code: code }, from(network))

t.test('guesses of user codes are limited by person and by network, whether or not they are right', async (t) => {
  const { browser } = await signedIn()
  const device = await startDevice(idp, client)
  for (let guess = 0; guess < userCodesPerPerson.points; guess++)
    t.equal((await asks(browser, newUserCode(), `198.51.100.${guess}`)).status, 422)
  const refused = await asks(browser, device.issued.user_code, '198.51.100.200')
  t.equal(refused.status, 429, 'the right code too, from any network')
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.notMatch(refused.text, 'id="allow"')

  const people = await Promise.all(Array.from({ length: 5 }, signedIn))
  const statuses: number[] = []
  for (let guess = 0; guess <= userCodesPerNetwork.points; guess++)
    statuses.push((await asks(people[guess % 5]!.browser, newUserCode(), '203.0.113.9')).status)
  t.same(statuses.filter((status) => status === 422).length, userCodesPerNetwork.points)
  t.equal(statuses.at(-1), 429)
  t.match(
    (await asks(people[0]!.browser, device.issued.user_code, '203.0.113.10')).text,
    'id="allow"',
    'others are not affected',
  )
})

t.test('nobody learns anything about a code without signing in', async (t) => {
  const stranger = idp.browser()
  const { issued } = await startDevice(idp, client)
  for (const code of [issued.user_code, shownUserCode(newUserCode())]) {
    const visit = await stranger.post('/device', { user_code: code })
    t.match(visit.location, '/sign-in?continue=')
    t.equal(visit.location?.includes(code), false)
    const shown = await stranger.get(`/device?user_code=${code}`)
    t.same(said(shown), said(await stranger.get('/device?user_code=BCDF-GHJK')))
  }
})

t.test('a wrong, an expired, a denied and a used code get the same response', async (t) => {
  const { browser, person } = await signedIn()
  const losing = await idp.client({ ...ofDevice, client_name: 'Soon without the grant' })
  const [expired, denied, used, disabled] = [
    await startDevice(idp, client),
    await startDevice(idp, client),
    await startDevice(idp, client),
    await startDevice(idp, losing),
  ]
  await database.query({
    text: 'UPDATE device_requests SET expires_at = now() WHERE user_code = $1',
    values: [expired.issued.user_code.replace('-', '')],
  })
  await decide(browser, person, denied, 'deny')
  await decide(browser, person, used)
  await used.poll()
  await idp.changeClient(losing, "grant_types = '{refresh_token}'")
  const wrong = said(await asks(browser, newUserCode()))
  t.equal(wrong[0], 422)
  for (const { issued } of [expired, denied, used, disabled]) t.same(said(await asks(browser, issued.user_code)), wrong)
})

t.test('opening a link decides nothing, and the page cannot be submitted from another site', async (t) => {
  const { browser, person } = await signedIn()
  const device = await startDevice(idp, client)
  const { user_code: code } = device.issued
  for (const query of [`user_code=${code}`, `user_code=${code}&decision=allow`, 'done=allowed'])
    t.equal((await browser.get(`/device?${query}`)).status, 200)
  t.equal((await browser.get(`/device/decision?user_code=${code}&decision=allow`)).status, 405)
  const page = await openRequest(browser, person, device)
  const foreign = { origin: 'https://evil.example' }
  t.equal((await browser.post('/device', { user_code: code }, foreign)).status, 403)
  t.equal((await browser.post('/device/decision', formOf(page), foreign)).status, 403)
  t.same(errorOf(await device.poll()), [400, 'authorization_pending'])
})

t.test('a decision counts only with the page that was shown to this person about this code', async (t) => {
  const [one, another] = [await signedIn(), await signedIn()]
  const [device, other] = [await startDevice(idp, client), await startDevice(idp, client)]
  const page = await openRequest(one.browser, one.person, device)
  const otherPage = await openRequest(one.browser, one.person, other)
  const { user_code: code } = device.issued
  const forms: [string, Browser, Record<string, string>][] = [
    ['without proofs', one.browser, { user_code: code, decision: 'allow' }],
    ['with the form of another code', one.browser, formOf(otherPage, { user_code: code })],
    ['with the access proof of another code', one.browser, formOf(page, { access: formOf(otherPage)['access'] ?? '' })],
    ['as another person', another.browser, formOf(page)],
    ['in a new session of the same person', (await signIn(idp, web, { person: one.person })).browser, formOf(page)],
  ]
  for (const [what, browser, form] of forms) {
    t.match((await browser.post('/device/decision', form)).text, 'id="allow"', `${what}: the person is asked`)
    t.equal((await device.poll()).body.refresh_token, undefined)
  }
  t.match((await idp.browser().post('/device/decision', formOf(page))).location, '/sign-in', 'signed out')
  t.equal(await countOf('device_authorized', one.person.sub), 0)
  t.equal(await countOf('device_authorized', another.person.sub), 0)
})

t.test('the form for a decision does not tell who guesses whether a code exists', async (t) => {
  const { browser } = await signedIn()
  for (let guess = 0; guess < userCodesPerPerson.points; guess++)
    await browser.post('/device/decision', { user_code: newUserCode(), decision: 'allow' }, from('192.0.2.77'))
  const { issued } = await startDevice(idp, client)
  const visit = await browser.post(
    '/device/decision',
    { user_code: issued.user_code, decision: 'deny' },
    from('192.0.2.77'),
  )
  t.equal(visit.status, 429)
})

t.test('scopes that the person has not seen are not granted', async (t) => {
  const app = await idp.client({ ...ofDevice, scope: 'openid films:watch', resources: ['https://films.example'] })
  const { browser, person } = await signedIn()
  const register = (scope: string, resource = 'https://films.example') =>
    idp.changeClient(app, 'scope = $2, resources = ARRAY[$3]', scope, resource)
  const device = await startDevice(idp, app, { scope: 'openid films:watch email' })
  await register('openid films:watch email films:delete')
  const page = await openRequest(browser, person, device)
  t.notMatch(page.text, 'e-mail address', 'it was dropped when the device asked')

  await register('openid')
  const narrower = await browser.post('/device/decision', formOf(page))
  t.match(narrower.text, 'id="allow"', 'the page has changed, so the person is asked again')
  t.notMatch(narrower.text, 'films:watch')
  await register('openid films:watch')
  const wider = await browser.post('/device/decision', formOf(narrower))
  t.match(wider.text, /id="allow"/)
  t.match(wider.text, 'films:watch')
  await database.query(`UPDATE resource_scopes SET resource = 'https://bank.example' WHERE scope = 'films:watch'`)
  await register('openid films:watch', 'https://bank.example')
  const moved = await browser.post('/device/decision', formOf(wider))
  t.match(moved.text, /id="allow".*/)
  t.match(moved.text, 'https://bank.example')
  t.equal(await countOf('device_authorized', person.sub), 0)
  t.match((await browser.post('/device/decision', formOf(moved))).location, '/device?done=allowed')
  t.equal((await device.poll({ resource: 'https://bank.example' })).body.scope, 'films:watch')
})

t.test('of decisions at the same moment, one counts', async (t) => {
  const people = await Promise.all([signedIn(), signedIn(), signedIn()])
  const device = await startDevice(idp, client)
  const pages = await Promise.all(people.map(({ browser, person }) => openRequest(browser, person, device)))
  const done = await Promise.all(
    people.flatMap(({ browser }, index) =>
      ['allow', 'allow', 'deny'].map((decision) =>
        browser.post('/device/decision', formOf(pages[index]!, { decision })),
      ),
    ),
  )
  t.equal(done.filter(({ status }) => status === 303).length, 1)
  t.equal(done.filter(({ status }) => status === 422).length, 8)
  const { rows } = await database.query<{ decisions: number }>({
    text: `SELECT count(*) AS decisions FROM events WHERE type IN ('device_authorized', 'device_denied') AND sub = ANY ($1)`,
    values: [people.map(({ person }) => person.sub)],
  })
  t.equal(rows[0]?.decisions, 1)
})

t.test('a device code is useless to another client, and asking with it changes nothing', async (t) => {
  const { browser, person } = await signedIn()
  const [thief, confidential] = [await idp.client(ofDevice), await idp.client(deviceGrants)]
  const device = await startDevice(idp, client)
  const steal = (by: TestClient) =>
    idp.token(by, { grant_type: deviceCodeGrant, device_code: device.issued.device_code })
  for (const by of [thief, confidential]) t.same(errorOf(await steal(by)), [400, 'invalid_grant'])
  t.same(errorOf(await device.poll()), [400, 'authorization_pending'], 'the interval has not grown')
  await decide(browser, person, device)
  for (const by of [thief, confidential]) t.same(errorOf(await steal(by)), [400, 'invalid_grant'])
  t.same(errorOf(await idp.token(web, { grant_type: deviceCodeGrant, device_code: device.issued.device_code })), [
    400,
    'unauthorized_client',
  ])
  t.equal((await device.poll()).status, 200)
})

t.test('codes of another installation, the user code, and codes of other kinds give nothing', async (t) => {
  const { code } = await signedIn()
  const device = await startDevice(idp, client)
  const codes = [
    randomBytes(32).toString('base64url'),
    code,
    device.issued.user_code,
    `${device.issued.device_code}A`,
    "' OR 1=1",
  ]
  for (const device_code of codes)
    t.same(errorOf(await idp.token(client, { grant_type: deviceCodeGrant, device_code })), [400, 'invalid_grant'])
  t.same(errorOf(await idp.token(client, { grant_type: deviceCodeGrant })), [400, 'invalid_request'])
  t.same(errorOf(await idp.token(client, { grant_type: deviceCodeGrant, device_code: 'x'.repeat(256) })), [
    400,
    'invalid_request',
  ])
  const asCode = { grant_type: 'authorization_code', redirect_uri: 'https://app.example/callback' }
  t.same(errorOf(await idp.token(web, { ...asCode, code: device.issued.device_code })), [400, 'invalid_grant'])
})

t.test('of requests at the same moment, one gets the tokens, and the others do not take them away', async (t) => {
  const { browser, person } = await signedIn()
  const device = await startDevice(idp, client)
  await decide(browser, person, device)
  const replies = await Promise.all(Array.from({ length: 8 }, () => device.poll()))
  const [won, ...others] = [...replies].sort((a, b) => a.status - b.status)
  t.equal(won?.status, 200)
  for (const reply of others) t.same(errorOf(reply), [400, 'invalid_grant'])
  const { refresh_token } = won?.body ?? {}
  t.equal((await idp.token(client, { grant_type: 'refresh_token', refresh_token })).status, 200)
  t.equal(await countOf('code_replayed', person.sub), 0)

  await database.query("UPDATE device_requests SET spent_at = spent_at - interval '1 hour' WHERE spent_at IS NOT NULL")
  t.same(errorOf(await device.poll()), [400, 'invalid_grant'])
  t.same(errorOf(await device.poll()), [400, 'invalid_grant'])
  t.equal(
    await countOf('code_replayed', person.sub),
    1,
    'used again much later: the grant has ended, and that is recorded once',
  )
  t.same(errorOf(await idp.token(client, { grant_type: 'refresh_token', refresh_token })), [400, 'invalid_grant'])
})

t.test('a device that asks too fast is told to slow down, each time by five more seconds', async (t) => {
  const device = await startDevice(idp, client)
  t.same(errorOf(await device.poll()), [400, 'authorization_pending'], 'it may ask at once')
  await wait(device, 3.5)
  t.same(errorOf(await device.poll()), [400, 'slow_down'], 'after 3.5 seconds; it has to wait for 10 now')
  await wait(device, 8)
  t.same(errorOf(await device.poll()), [400, 'slow_down'], 'and for 15')
  await wait(device, 13)
  t.same(errorOf(await device.poll()), [400, 'slow_down'], 'and for 20')
  await wait(device, 20)
  t.same(errorOf(await device.poll()), [400, 'authorization_pending'])
  await wait(device, 18)
  t.same(errorOf(await device.poll()), [400, 'slow_down'], 'the interval does not shrink again')
  const burst = await Promise.all(Array.from({ length: 6 }, () => device.poll()))
  for (const reply of burst) t.same(errorOf(reply), [400, 'slow_down'])

  const { browser, person } = await signedIn()
  await decide(browser, person, device)
  t.equal((await device.poll()).status, 200, 'what the person decided counts, however often it asked')
})

t.test('one network cannot fill the table, and one client cannot either', async (t) => {
  const ask = async (network: string, by: TestClient) => {
    const headers = { ...from(network), 'content-type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams({ client_id: by.client_id, ...(by.secret && { client_secret: by.secret }) })
    return fetch(`${idp.issuer}/device_authorization`, { method: 'POST', headers, body })
  }
  const statuses: number[] = []
  for (let sent = 0; sent < 101; sent++) statuses.push((await ask('2001:db8:1::1', client)).status)
  t.same(statuses.filter((status) => status === 200).length, 100)
  const refused = await ask('2001:db8:1::2', client)
  t.equal(refused.status, 429, 'another address of the same IPv6 network')
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.match(await refused.json(), { error: 'temporarily_unavailable' })
  t.equal((await ask('2001:db8:9::1', client)).status, 200)

  const server = await idp.client({ ...deviceGrants, token_endpoint_auth_method: 'client_secret_post' })
  t.equal((await ask('2001:db8:1::1', server)).status, 200, 'a server that authenticates asks for many devices')
  await database.query(`UPDATE rate_limits SET points = 10001 WHERE key LIKE 'device-request-client:%'`)
  t.equal((await ask('2001:db8:9::1', server)).status, 429)
  await database.query(`DELETE FROM rate_limits WHERE key LIKE 'device-request-%'`)
})

t.test('only clients that are registered for it can ask, and they have to authenticate', async (t) => {
  const server = await idp.client(deviceGrants)
  const cases: [TestClient, Record<string, string>, unknown[]][] = [
    [web, {}, [400, 'unauthorized_client']],
    [{ ...server, secret: 'wrong' } as TestClient, {}, [401, 'invalid_client']],
    [{ ...server, secret: undefined } as TestClient, {}, [400, 'invalid_client']],
    [client, { client_id: 'no-such-client' }, [400, 'invalid_client']],
    [client, { client_id: '' }, [400, 'invalid_client']],
    [client, { scope: 'a  b' }, [400, 'invalid_scope']],
    [client, { scope: 'x'.repeat(4097) }, [400, 'invalid_request']],
  ]
  for (const [by, parameters, [status, error]] of cases) {
    const reply = await askForDevice(idp, by, parameters)
    t.equal(reply.body.error, error, JSON.stringify(parameters).slice(0, 60))
    t.equal(reply.status, status)
  }
})

t.test('what a link puts into the field is a code or nothing', async (t) => {
  const browser = idp.browser()
  const fieldIn = ({ text }: Visit) => /<input[^>]*id="user_code"[^>]*>/.exec(text)?.[0] ?? ''
  for (const value of ['Call +1 555 0100', '"><script>alert(1)</script>', 'BCDF-GHJKL', 'https://evil.example'])
    t.notMatch(fieldIn(await browser.get(`/device?user_code=${encodeURIComponent(value)}`)), /value=|script|evil/)
  t.match(fieldIn(await browser.get('/device?user_code=bcdfghjk')), 'value="BCDF-GHJK"')
  const typed = await browser.post('/device', { user_code: '"><script>alert(1)</script>' })
  t.equal(typed.status, 422)
  t.notMatch(typed.text, '<script>alert')
})
