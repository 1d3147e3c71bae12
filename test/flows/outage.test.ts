import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { KeysUnavailable } from '../../src/key-ring/key-ring.ts'
import { ClocksDisagree } from '../../src/key-ring/lease.ts'
import { testDatabase } from '../database.ts'
import { freePort, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { untilReady } from '../support/readiness.ts'

/** A proxy to the database that can be cut, blocked and reopened. */
async function startProxy(t: Test, url: string) {
  const target = new URL(url)
  const host = decodeURIComponent(target.hostname)
  const toPort = Number(target.port || 5432)
  const sockets = new Set<Socket>()
  let blocked = false
  const server = createServer((near) => {
    const far = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${toPort}`) : connect(toPort, host)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy()).on('close', () => sockets.delete(socket))
    }
    if (blocked) return
    near.pipe(far)
    far.pipe(near)
  })
  // Not a port that the system gives to outgoing connections: one of those could have it when the proxy is reopened.
  const port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    url: url.replace(/@[^/]+\//, `@127.0.0.1:${port}/`),
    /** Connections break, and new ones are refused. */
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        cut()
      }),
    open: () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve)),
    /** Connections stay open, but no data comes through. */
    block: () => {
      blocked = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    unblock: () => {
      blocked = false
      cut()
    },
  }
}

t.test('the database becomes unreachable and comes back', async (t) => {
  const { url, schema } = await testDatabase(t)
  const proxy = await startProxy(t, url)
  const idp = await startSignet(t, { SIGNET_DATABASE_URL: proxy.url, SIGNET_DATABASE_SCHEMA: schema })
  const client = await idp.client()
  const journey = await signIn(idp, client)
  const get = (path: string) => fetch(`${idp.issuer}${path}`)

  const servesFromMemory = async (t: Test) => {
    for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration', '/healthz'])
      t.equal((await get(path)).status, 200, path)
  }
  const refusesTheRest = async (t: Test) => {
    const [ready, page, token] = await Promise.all([
      get('/readyz'),
      get(`/authorize?client_id=${client.client_id}&redirect_uri=https://app.example/callback`),
      journey.redeem(),
    ])
    t.equal(ready.status, 503)
    t.equal(page.status, 503)
    t.match(page.headers.get('content-type'), 'text/html')
    t.ok(page.headers.get('retry-after'))
    t.match(token, { status: 503, body: { error: 'temporarily_unavailable' } })
    t.ok(token.headers.get('retry-after'))
  }

  t.test('with refused connections, keys are still served, and other requests are told to retry', async (t) => {
    await proxy.close()
    await servesFromMemory(t)
    await refusesTheRest(t)
  })

  t.test('and when it is back everything works again, and the code can still be redeemed', async (t) => {
    await proxy.open()
    await untilReady(idp.issuer)
    t.equal((await journey.redeem()).status, 200)
  })

  t.test('a connection without data blocks no request forever', async (t) => {
    proxy.block()
    await servesFromMemory(t)
    await refusesTheRest(t)
    proxy.unblock()
    await untilReady(idp.issuer)
  })
})

t.test('a node that must not sign answers 503 at the token endpoint, and says when to retry', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client({ grant_types: ['client_credentials'], scope: 'notes:read' })
  await idp.resource('https://notes.example', ['notes:read'])
  for (const error of [new KeysUnavailable('No active key.'), new ClocksDisagree(900, 60)]) {
    const refuse = () => Promise.reject(error)
    const app = buildApp({ ...idp.signet, keyRing: { ...idp.signet.keyRing, sign: refuse, extendRetention: refuse } })
    t.teardown(() => app.close())
    const answer = await app.inject({
      method: 'POST',
      url: '/token',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${client.client_id}:${client.secret}`).toString('base64')}`,
      },
      payload: 'grant_type=client_credentials&scope=notes:read&resource=https://notes.example',
    })
    t.match(answer, { statusCode: 503, headers: { 'retry-after': String } }, error.name)
    t.match(answer.json(), { error: 'temporarily_unavailable' })
    t.notMatch(answer.body, 'SIGNET_CLOCK_SKEW')
  }
})

t.test(
  'a node that loses its secrets while a password is hashed still redirects: the session is committed',
  async (t) => {
    const idp = await startSignet(t, { SIGNET_SIGN_UP: 'open' })
    const client = await idp.client()
    const person = await idp.person()
    const { passwords, secrets } = idp.signet
    let isLost = false
    const lost = Object.create(secrets, {
      'request-sealing': {
        get: () => {
          if (isLost) throw new KeysUnavailable('The secrets of this node could not be confirmed.')
          return secrets['request-sealing']
        },
      },
    })
    const losing = <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) => {
      return async (...args: Args) => {
        const result = await work(...args)
        isLost = true
        return result
      }
    }
    const app = buildApp({
      ...idp.signet,
      secrets: lost,
      passwords: { ...passwords, hash: losing(passwords.hash), verify: losing(passwords.verify) },
    })
    t.teardown(() => app.close())
    const browser = idp.browser()
    const sealed = new URL(
      (await browser.get(`/authorize?${new URLSearchParams(authorizationParameters(client, pkce()))}`)).location ?? '',
      idp.issuer,
    ).searchParams.get('continue')
    const forms = {
      '/sign-in': { username: person.username, password: person.password },
      '/sign-up': { email: 'new@example.com', password: 'a long enough passphrase, for once' },
    }
    for (const [url, fields] of Object.entries(forms)) {
      isLost = false
      const payload = new URLSearchParams({ ...fields, continue: sealed ?? '' }).toString()
      const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: idp.issuer }
      const answer = await app.inject({ method: 'POST', url, headers, payload })
      t.ok(isLost, url)
      t.match(answer, { statusCode: 303, headers: { location: /^\/authorize\?continue=/, 'set-cookie': /./ } }, url)
    }
  },
)
