// Own process: it waits for most of its time.
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { rotate } from '../../src/key-ring/rotation.ts'
import { start } from '../../src/start.ts'
import { eventually } from '../support/eventually.ts'
import { type Idp, startSignet } from '../support/idp.ts'

interface PublishedKey {
  readonly kid: string
  readonly alg: string
}

// The timer reads the keys only every twenty minutes. Whatever is known sooner came by notification.
const idp = await startSignet(t, { SIGNET_KEY_LEASE: '1h', SIGNET_JWKS_MAX_AGE: '7m' })
const other = await idp.another()
const nodes = [idp, other]

const path = '/.well-known/jwks.json'
const originOf = ({ signet }: Idp) => `http://127.0.0.1:${signet.settings.port}`
const get = (node: Idp, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(originOf(node) + path, { method, headers })
const keysOf = async (node: Idp) => ((await (await get(node)).json()) as { keys: PublishedKey[] }).keys
const setsOf = () => Promise.all(nodes.map(async (node) => (await get(node)).text()))
const activeKid = (node: Idp) =>
  [...node.signet.keyRing.keys()].find(([{ alg }, state]) => alg === 'ES256' && state === 'active')?.[0].kid ?? ''
const revoke = (node: Idp, kid: string) =>
  node.signet.keyRing.decide({ by: 'test' }, ({ now }) => ({
    steps: [{ what: 'revoke', kid, revokedAt: now }],
    result: undefined,
  }))

const expected: Readonly<Record<string, readonly [kty: string, members: readonly string[]]>> = {
  ES256: ['EC', ['crv', 'x', 'y']],
  RS256: ['RSA', ['n', 'e']],
  PS256: ['RSA', ['n', 'e']],
  EdDSA: ['OKP', ['crv', 'x']],
}

t.test('only public members are published, each key with its use and algorithm', async (t) => {
  for (const key of await keysOf(idp)) {
    const [kty, members] = expected[key.alg] ?? ['none', []]
    t.same(new Set(Object.keys(key)), new Set(['kty', 'kid', 'alg', 'use', ...members]))
    t.match(key, { kty, use: 'sig' })
  }
})

t.test(
  'the set can be cached for max-age, revalidated by its ETag, and read from any origin without credentials',
  async (t) => {
    const full = await get(idp)
    const etag = full.headers.get('etag') ?? ''
    t.match(etag, /^"[\w-]{43}"$/, 'strong')
    t.equal(full.headers.get('cache-control'), 'public, max-age=420, stale-while-revalidate=420')
    t.match(full.headers.get('content-type'), 'application/jwk-set+json')
    const length = (await full.text()).length

    for (const tags of [etag, `W/${etag}`, `"another", ${etag}`, `W/"another",W/${etag}`, '*']) {
      const none = await get(other, { 'if-none-match': tags })
      t.match([none.status, await none.text()], [304, ''], tags)
      t.equal(none.headers.get('etag'), etag)
      t.equal(none.headers.get('cache-control'), full.headers.get('cache-control'))
    }
    for (const tags of ['"another"', etag.slice(1, -1), `"${etag.slice(1, -3)}"`, ''])
      t.equal((await get(idp, { 'if-none-match': tags })).status, 200, tags)

    const head = await get(idp, {}, 'HEAD')
    t.match([head.status, await head.text()], [200, ''])
    t.equal(Number(head.headers.get('content-length')), length)
    t.equal(head.headers.get('etag'), etag)

    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      const crossed = await get(idp, { origin: 'https://app.example', 'access-control-request-method': 'GET' }, method)
      t.equal(crossed.headers.get('access-control-allow-origin'), '*', method)
      t.equal(crossed.headers.get('access-control-allow-credentials'), null, method)
    }
    t.equal((await get(idp, {}, 'POST')).status, 405)
  },
)

t.test('a command opens no LISTEN connection, even if it reads a client', async (t) => {
  const client = await idp.client()
  const command = await start(idp.signet.settings, idp.signet.log)
  await command.signet.clients.read(client.client_id)
  const { rows } = await idp.signet.database.query<{ listeners: number }>(
    'SELECT count(*)::int AS listeners FROM pg_stat_activity WHERE datname = current_database() AND application_name = left($1, 63)',
    [`signet listener ${idp.signet.settings.databaseSchema}`],
  )
  t.same(rows, [{ listeners: nodes.length }])
  await command.stop()
})

t.test('both nodes serve the same bytes before, during and after a rotation', async (t) => {
  const [before, same] = await setsOf()
  t.equal(before, same)
  const old = activeKid(idp)
  const next = await idp.signet.keyRing.decide({ by: 'test' }, ({ keys, now }, delays) => {
    const rotation = rotate(keys, 'ES256', now, delays, true)
    return { steps: rotation?.decisions ?? [], result: rotation?.kid ?? '' }
  })
  await eventually(
    `the other node to sign with ${next}`,
    () => activeKid(other),
    (kid) => kid === next,
  )
  const [during, sameAgain] = await setsOf()
  t.equal(during, sameAgain)
  t.not(during, before, 'with a new standby')
  t.ok(
    [old, next].every((kid) => during?.includes(kid)),
    'the previous key remains for the tokens it signed',
  )
})

t.test(
  "a node learns of another node's revocation by notification, not by its timer, even if it never read a client",
  async (t) => {
    const kid = activeKid(other)
    await revoke(idp, kid)
    await eventually('the other node to drop the key', () => !other.signet.keyRing.verificationKey(kid, 'ever'))
    t.not(activeKid(other), kid)
    const [one, two] = await setsOf()
    t.equal(one, two)
    t.notOk(two?.includes(kid))
  },
)

t.test('a revocation during an interruption of LISTEN is read as soon as the connection is back', async (t) => {
  const { database, settings } = idp.signet
  await database.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = left($1, 63)',
    [`signet listener ${settings.databaseSchema}`],
  )
  await eventually('both nodes to lose their connections', () =>
    nodes.every(({ logged }) => logged().includes('Heartbeat: the connection was lost')),
  )
  const kid = activeKid(other)
  await revoke(idp, kid)
  await eventually('the other node to drop the key', () => !other.signet.keyRing.verificationKey(kid, 'ever'))
  t.not(activeKid(other), kid)
})

t.test('the set is never empty, even if every key is revoked, one after the other', async (t) => {
  const old = (await keysOf(idp)).map(({ kid }) => kid)
  const seen: PublishedKey[][] = []
  let isOver = false
  const watching = nodes.map(async (node) => {
    for (; !isOver; await pause(5)) seen.push(await keysOf(node))
  })
  try {
    for (const kid of old) {
      await revoke(idp, kid)
      t.notOk((await keysOf(idp)).some((key) => key.kid === kid))
    }
    await eventually('the other node to drop all of them', async () =>
      (await keysOf(other)).every(({ kid }) => !old.includes(kid)),
    )
  } finally {
    isOver = true
  }
  await Promise.all(watching)
  for (const alg of Object.keys(expected))
    t.ok(
      seen.every((keys) => keys.some((key) => key.alg === alg)),
      `${seen.length} sets, each with ${alg}`,
    )
  t.ok(nodes.every(({ signet }) => signet.keyRing.isReady()))
})

t.test(
  'during a database outage the set is served from memory, even if the node is no longer allowed to sign',
  async (t) => {
    const proxy = await closableProxy(t, idp.signet.settings.databaseUrl ?? '')
    const node = await idp.another({ SIGNET_DATABASE_URL: proxy.url, SIGNET_KEY_LEASE: '3s' })
    const set = await (await get(node)).text()
    proxy.close()
    await eventually('the lease to run out', () => !node.signet.keyRing.isReady())
    const answer = await get(node)
    t.equal(answer.status, 200)
    t.equal(await answer.text(), set)
    t.match(await fetch(`${originOf(node)}/readyz`), { status: 503 })
  },
)

/** A proxy in front of the database that can be closed. */
async function closableProxy(t: Test, url: string) {
  const target = new URL(url)
  const host = decodeURIComponent(target.hostname)
  const toPort = Number(target.port || 5432)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${toPort}`) : connect(toPort, host)
    near.pipe(far).pipe(near)
    for (const [socket, end] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => end.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const close = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(close)
  return { url: url.replace(/@[^/]+\//, `@127.0.0.1:${port}/`), close }
}
