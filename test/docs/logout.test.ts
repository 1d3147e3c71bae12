import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { freePort } from '../support/idp.ts'

/** The page is meant to be copied from, so its application is run here unchanged. */
const page = readFileSync(join(packageFolder, 'docs/logout.md'), 'utf8')
const [, program = ''] = /```js\n(\/\/ backchannel\.mjs[\s\S]*?)```/.exec(page) ?? []
const event = 'http://schemas.openid.net/event/backchannel-logout'
const clientId = 'client_of_the_page'

const { privateKey, publicKey } = await generateKeyPair('RS256')
const jwk = { ...(await exportJWK(publicKey)), kid: '1', alg: 'RS256', use: 'sig' }
let isAvailable = true
const keys = createServer((_request, response) => {
  response.statusCode = isAvailable ? 200 : 503
  response.end(JSON.stringify({ keys: [jwk] }))
}).listen(0, '127.0.0.1')
await once(keys, 'listening')
t.teardown(() => keys.close())
const issuer = `http://127.0.0.1:${(keys.address() as AddressInfo).port}`

mkdirSync(join(packageFolder, '.signet/test'), { recursive: true })
// Inside the checkout; otherwise the package names could not be resolved.
const folder = mkdtempSync(join(packageFolder, '.signet/test/logout-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const port = String(await freePort())
const url = `http://127.0.0.1:${port}/backchannel-logout`

interface Application {
  readonly app: { close(): Promise<unknown> }
  readonly sessions: Map<string, { sub: string; sid: string }>
}

async function startApplication(): Promise<Application> {
  const file = join(folder, 'backchannel.mjs')
  writeFileSync(file, `${program}\nexport { app, sessions }\n`)
  t.intercept(process, 'env', { value: { ...process.env, ISSUER: issuer, CLIENT_ID: clientId, PORT: port } })
  t.capture(console, 'log')
  return (await import(pathToFileURL(file).href)) as Application
}

const { app, sessions } = await startApplication()
t.teardown(() => app.close())

const claims = (): JWTPayload => ({
  iss: issuer,
  aud: clientId,
  jti: '1',
  events: { [event]: {} },
  sid: 'session-1',
  sub: 'person',
})

function tokenOf(payload: JWTPayload, { typ = 'logout+jwt', expires = '2m' } = {}): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'RS256', kid: '1', typ })
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(privateKey)
}

const send = (token: string) => fetch(url, { method: 'POST', body: new URLSearchParams({ logout_token: token }) })

t.beforeEach(() => {
  sessions.clear()
  sessions.set('a', { sub: 'person', sid: 'session-1' })
  sessions.set('b', { sub: 'person', sid: 'session-2' })
  sessions.set('c', { sub: 'somebody else', sid: 'session-3' })
})

t.test('while it cannot fetch the keys, it says that it may be tried again', async (t) => {
  isAvailable = false
  t.equal((await send(await tokenOf(claims()))).status, 503)
  t.equal(sessions.size, 3)
  isAvailable = true
})

t.test('the application of the page ends no session for what is not a logout token of its own', async (t) => {
  const { events: _, ...withoutEvents } = claims()
  const { sid: _sid, sub: _sub, ...aboutNobody } = claims()
  const refused: Record<string, Promise<string>> = {
    'an ID token': tokenOf({ ...withoutEvents, nonce: 'n' }, { typ: 'JWT' }),
    'a token without the event': tokenOf(withoutEvents),
    'a token with a nonce': tokenOf({ ...claims(), nonce: 'n' }),
    'a token about nobody': tokenOf(aboutNobody),
    'a token for another application': tokenOf({ ...claims(), aud: 'client_other' }),
    'a token of another issuer': tokenOf({ ...claims(), iss: 'https://other.example' }),
    'an expired token': tokenOf(claims(), { expires: '-1m' }),
    'a token that was changed': tokenOf(claims()).then((token) => `${token.slice(0, -8)}AAAAAAAA`),
    'a token without a signature': tokenOf(claims()).then((token) => `eyJhbGciOiJub25lIn0.${token.split('.')[1]}.`),
    'no token': Promise.resolve(''),
  }
  for (const [name, token] of Object.entries(refused)) {
    const response = await send(await token)
    t.equal(response.status, 400, name)
    t.equal(response.headers.get('cache-control'), 'no-store', name)
    t.equal(sessions.size, 3, name)
  }
})

t.test('it ends the session that the token names, and again without harm', async (t) => {
  const token = await tokenOf(claims())
  for (let times = 0; times < 2; times++) {
    t.equal((await send(token)).status, 200)
    t.same([...sessions.keys()], ['b', 'c'])
  }
})

t.test('a token with the person alone ends all sessions of the person', async (t) => {
  const { sid: _, ...withoutSession } = claims()
  t.equal((await send(await tokenOf(withoutSession))).status, 200)
  t.same([...sessions.keys()], ['c'])
})
