import { decodeJwt } from 'jose'
import t from 'tap'
import { deleteExpired } from '../../src/records/cleanup/cleanup-store.ts'
import { deviceCodeGrant } from '../../src/records/clients/client.ts'
import { askForDevice, decide, deviceGrants, ofDevice, openRequest, startDevice } from '../support/device.ts'
import { type Reply, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

/* The device authorization grant (RFC 8628): a device asks, a person decides in a browser, and the device gets its tokens. */
const idp = await startSignet(t)
const { database } = idp.signet
await idp.resource('https://films.example', ['films:watch'])
const api = { scope: 'openid offline_access films:watch', resources: ['https://films.example'] }

const errorOf = ({ status, body }: Reply) => [status, body.error]
const eventsOf = async (sub: string) => {
  const { rows } = await database.query<{ type: string; detail: Record<string, unknown> }>({
    text: 'SELECT type, detail FROM events WHERE sub = $1 ORDER BY id',
    values: [sub],
  })
  return rows
}

t.test('a device without a browser gets tokens for the person who allows it', async (t) => {
  const client = await idp.client({ ...ofDevice, client_name: 'Television' })
  const person = await idp.person()
  const browser = idp.browser()
  const device = await startDevice(idp, client)
  t.match(device.issued, {
    device_code: /^[\w-]{43}$/,
    user_code: /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/,
    verification_uri: `${idp.issuer}/device`,
    verification_uri_complete: `${idp.issuer}/device?user_code=${device.issued.user_code}`,
    expires_in: 600,
    interval: 5,
  })
  t.same(errorOf(await device.poll()), [400, 'authorization_pending'])

  const page = await openRequest(browser, person, device)
  t.match(page.text, 'Television')
  t.match(page.text, device.issued.user_code, 'to compare with the device')
  t.match(page.text, 'Only press “Allow” if you started this on a device in front of you')
  t.same(errorOf(await device.poll()), [400, 'slow_down'], 'still pending: opening the page decides nothing')
  const done = await browser.follow(await browser.submit(page, 'allow', { decision: 'allow' }))
  t.match(done.text, 'You can return to your device')

  const { status, body, headers } = await device.poll()
  t.equal(status, 200)
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(body, { token_type: 'Bearer', scope: 'openid offline_access', refresh_token: String })
  t.match(decodeJwt(body.id_token), { sub: person.sub, aud: client.client_id, sid: String, auth_time: Number })
  const refreshed = await idp.token(client, { grant_type: 'refresh_token', refresh_token: body.refresh_token })
  t.equal(refreshed.status, 200)
  t.match(
    (await eventsOf(person.sub)).map(({ type, detail }) => [type, detail['grant_type']]),
    [
      ['signed_in', undefined],
      ['grant_opened', deviceCodeGrant],
      ['device_authorized', undefined],
      ['tokens_issued', deviceCodeGrant],
      ['tokens_issued', 'refresh_token'],
    ],
  )
})

t.test('a code can be typed in any case, without a hyphen and with spaces', async (t) => {
  const client = await idp.client(ofDevice)
  const { browser } = await signIn(idp, await idp.client())
  for (const typed of [(code: string) => code.toLowerCase(), (code: string) => ` ${code.replace('-', ' ')} `]) {
    const { issued } = await startDevice(idp, client)
    const page = await browser.submit(await browser.get('/device'), 'continue', { user_code: typed(issued.user_code) })
    t.match(page.text, 'id="allow"')
  }
})

t.test('a device that is denied is told so, and the person is not asked again', async (t) => {
  const person = await idp.person()
  const browser = idp.browser()
  const device = await startDevice(idp, await idp.client(ofDevice))
  t.match((await decide(browser, person, device, 'deny')).text, 'Access denied')
  t.same(errorOf(await device.poll()), [400, 'access_denied'])
  t.same(errorOf(await device.poll()), [400, 'access_denied'])
  t.match((await browser.submit(await browser.get(device.issued.verification_uri_complete), 'continue')).status, 422)
  t.same(
    (await eventsOf(person.sub)).map(({ type }) => type),
    ['signed_in', 'device_denied'],
  )
})

t.test('a first-party client is not allowed silently, and neither is one that was allowed before', async (t) => {
  const client = await idp.client({ ...ofDevice, first_party: true })
  const person = await idp.person()
  const browser = idp.browser()
  for (const _ of ['first', 'second']) {
    const device = await startDevice(idp, client)
    t.match((await openRequest(browser, person, device)).text, 'id="allow"')
    await decide(browser, person, device)
    t.equal((await device.poll()).status, 200)
  }
})

t.test('a client with a secret authenticates at both endpoints', async (t) => {
  const client = await idp.client(deviceGrants)
  const device = await startDevice(idp, client)
  await decide(idp.browser(), await idp.person(), device)
  t.same(errorOf(await idp.token({ ...client, secret: 'wrong' } as typeof client, { grant_type: deviceCodeGrant })), [
    401,
    'invalid_client',
  ])
  t.equal((await device.poll()).status, 200)
})

t.test('the token is for the API that was named, and can be asked for one API at a time', async (t) => {
  const client = await idp.client({ ...ofDevice, ...api })
  const device = await startDevice(idp, client, { scope: api.scope, resource: 'https://films.example' })
  const browser = idp.browser()
  const page = await openRequest(browser, await idp.person(), device)
  t.match(page.text, 'https://films.example')
  await browser.submit(page, 'allow', { decision: 'allow' })
  const { body } = await device.poll({ resource: 'https://films.example' })
  t.match(decodeJwt(body.access_token), { aud: 'https://films.example', scope: 'films:watch' })
})

t.test('scopes that the client may not have are dropped, and the person is not asked about them', async (t) => {
  const client = await idp.client({ ...ofDevice, scope: 'openid' })
  const device = await startDevice(idp, client, { scope: 'openid email films:watch' })
  const page = await openRequest(idp.browser(), await idp.person(), device)
  t.notMatch(page.text, /e-mail address|films:watch/)
  t.same(errorOf(await askForDevice(idp, client, { scope: 'films:watch' })), [400, 'invalid_scope'])
  t.same(errorOf(await askForDevice(idp, client, { resource: 'https://films.example' })), [400, 'invalid_target'])
})

t.test('a device keeps its access when the person signs out of the browser, until they disconnect it', async (t) => {
  const client = await idp.client({ ...ofDevice, client_name: 'Printer' })
  const person = await idp.person()
  const browser = idp.browser()
  const device = await startDevice(idp, client, { scope: 'openid' })
  const lasting = await startDevice(idp, client)
  await decide(browser, person, device)
  await decide(browser, person, lasting)
  await browser.submit(await browser.get('/logout'), 'confirm-logout')
  const { body } = await device.poll()
  const userinfo = async () =>
    (await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${body.access_token}` } })).status
  t.equal(await userinfo(), 200, 'also without offline_access')
  const { refresh_token } = (await lasting.poll()).body

  const again = await signIn(idp, await idp.client(), { person })
  const account = await again.browser.get('/account/applications')
  t.match(account.text, 'Printer')
  const form = new RegExp(`<form[^>]*>(?:(?!</form>).)*${client.client_id}.*?</form>`, 's').exec(account.text)?.[0]
  const inputs = [...(form ?? '').matchAll(/name="([^"]+)"[^>]*value="([^"]*)"/g)].map(([, name, value]) => [
    name,
    value,
  ])
  await again.browser.post('/account/applications/disconnect', new URLSearchParams(inputs as string[][]).toString())
  t.equal(await userinfo(), 401)
  t.same(errorOf(await idp.token(client, { grant_type: 'refresh_token', refresh_token })), [400, 'invalid_grant'])
})

t.test('a person who withdraws the access before the device asks has stopped it', async (t) => {
  const person = await idp.person()
  const device = await startDevice(idp, await idp.client(ofDevice))
  await decide(idp.browser(), person, device)
  await database.query({ text: 'UPDATE accounts SET disabled_at = now() WHERE sub = $1', values: [person.sub] })
  t.same(errorOf(await device.poll()), [400, 'invalid_grant'])
})

t.test('a client that demands a recent sign-in gets one', async (t) => {
  const { browser, person } = await signIn(idp, await idp.client())
  await database.query({
    text: "UPDATE sessions SET auth_time = now() - interval '1 hour' WHERE sub = $1",
    values: [person.sub],
  })
  const device = await startDevice(idp, await idp.client({ ...ofDevice, default_max_age: 60 }))
  const start = await browser.get(device.issued.verification_uri_complete)
  const page = await browser.follow(await browser.submit(start, 'continue'))
  t.match(page.text, 'id="sign-in"')
  t.notMatch(page.text, 'id="continue-as"')
  t.match((await decide(browser, person, device)).text, 'You can return to your device')
  const { auth_time } = decodeJwt((await device.poll()).body.id_token)
  t.ok(Number(auth_time) > Date.now() / 1000 - 600)
})

t.test('a request that nobody answers in time has expired', async (t) => {
  const { browser } = await signIn(idp, await idp.client())
  const device = await startDevice(idp, await idp.client(ofDevice))
  await database.query({
    text: 'UPDATE device_requests SET expires_at = now() WHERE user_code = $1',
    values: [device.issued.user_code.replace('-', '')],
  })
  t.same(errorOf(await device.poll()), [400, 'expired_token'])
  t.equal((await browser.submit(await browser.get(device.issued.verification_uri_complete), 'continue')).status, 422)
})

t.test('requests are deleted after they have expired, and grants with a refresh token outlive them', async (t) => {
  const own = await startSignet(t)
  const db = own.signet.database
  const client = await own.client(ofDevice)
  const [person, browser] = [await own.person(), own.browser()]
  await startDevice(own, client)
  const lasting = await startDevice(own, client)
  await decide(browser, person, lasting)
  await lasting.poll()
  const brief = await startDevice(own, client, { scope: 'openid' })
  await decide(browser, person, brief)
  await brief.poll()
  const counts = async () =>
    (
      await db.query<object>(
        'SELECT (SELECT count(*) FROM device_requests) AS requests, (SELECT count(*) FROM grants) AS grants',
      )
    ).rows[0]
  await db.query("UPDATE device_requests SET expires_at = now() - interval '2 hours'")
  await deleteExpired(db, 86_400)
  t.same(await counts(), { requests: 2, grants: 2 }, 'one that nobody allowed is kept for an hour only')
  await deleteExpired(db, 3600)
  t.same(await counts(), { requests: 0, grants: 1 })
})
