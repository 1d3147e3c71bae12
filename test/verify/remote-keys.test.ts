import { generateKeyPairSync } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createVerifier, type VerificationError, type VerifierOptions } from 'signet-idp/verify'
import t, { type Test } from 'tap'
import {
  audience,
  codeOf,
  goodClaims,
  issuer,
  jsonAnswer,
  mint,
  now,
  serve,
  signingKey,
  stoppedClock,
} from './issuer.ts'

const first = signingKey('first')
const second = signingKey('second')
const setOf = (...keys: { jwk: unknown }[]) => ({ keys: keys.map((key) => key.jwk) })

/** Tokens that are valid for longer than these tests let time pass. */
const token = (key = first) => mint(key, goodClaims({ exp: 9_999_999_999 }))
const unknown = (kid: number | string) => mint(first, goodClaims(), { kid: `unknown-${kid}` })

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const broken: Answer = (_, response) => response.writeHead(500).end('oops')
const silent: Answer = () => {}

async function verifierOf(t: Test, answer: Answer, options: Partial<VerifierOptions> = {}) {
  const server = await serve(t, answer)
  const clock = stoppedClock()
  const errors: VerificationError[] = []
  const verifier = createVerifier({
    issuer,
    audience,
    jwksUri: `${server.origin}/jwks`,
    clock,
    onKeysError: (error) => errors.push(error),
    ...options,
  })
  return { server, clock, verifier, errors }
}

/** A verifier whose fetches are answered without a network, so that background fetches end within some turns of the event loop. */
function detachedVerifier(answer: () => Response) {
  const clock = stoppedClock()
  const idp = { answer, fetchedAt: [] as number[] }
  const verifier = createVerifier({
    issuer,
    audience,
    clock,
    fetch: async () => {
      idp.fetchedAt.push(clock.wallTime() / 1000 - now)
      return idp.answer()
    },
  })
  const settle = async () => {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  return { idp, clock, verifier, settle }
}

const answerOf = (document: unknown, cacheControl: string) => () =>
  new Response(JSON.stringify(document), { headers: { 'cache-control': cacheControl } })

t.test('a thousand tokens with made-up keys cause one fetch, and one more per cooldown', async (t) => {
  const { server, clock, verifier } = await verifierOf(t, jsonAnswer(setOf(first)))
  const attack = async (round: number) => {
    const codes = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => codeOf(verifier.verify(unknown(`${round}-${index}`)))),
    )
    t.ok(
      codes.every((code) => code === 'unknown_key'),
      `round ${round}: all are rejected`,
    )
  }
  await attack(1)
  t.equal(server.requests.length, 1, 'the set was not available yet')
  await attack(2)
  clock.advance(29)
  await attack(3)
  t.equal(server.requests.length, 1, 'within the cooldown')
  clock.advance(1)
  await attack(4)
  t.equal(server.requests.length, 2, 'after the cooldown')
  await attack(5)
  t.equal(server.requests.length, 2)
  t.match(await verifier.verify(token()), { client_id: 'notes' }, 'and the service still works')
})

t.test('a thousand tokens at a cold start wait for one fetch', async (t) => {
  const { server, verifier } = await verifierOf(t, jsonAnswer(setOf(first)))
  await Promise.all(Array.from({ length: 1000 }, () => verifier.verify(token())))
  t.equal(server.requests.length, 1)
})

t.test('made-up keys cause no more fetches while the issuer is unavailable either', async (t) => {
  const { server, clock, verifier } = await verifierOf(t, jsonAnswer(setOf(first)))
  await verifier.verify(token())
  server.answer = broken
  clock.advance(30)
  for (let second = 0; second < 90; second++) {
    await Promise.all([1, 2, 3].map((index) => codeOf(verifier.verify(unknown(`${second}-${index}`)))))
    clock.advance(1)
  }
  t.equal(server.requests.length, 1 + 3)
})

t.test('a new key is fetched once the cooldown allows, bypassing caches in between', async (t) => {
  const { server, clock, verifier } = await verifierOf(t, jsonAnswer(setOf(first), { 'cache-control': 'max-age=3600' }))
  await verifier.verify(token())
  t.equal(server.requests[0]?.headers['cache-control'], undefined)
  server.answer = jsonAnswer(setOf(first, second))
  t.equal(await codeOf(verifier.verify(token(second))), 'unknown_key')
  clock.advance(30)
  t.match(await verifier.verify(token(second)), { client_id: 'notes' })
  t.equal(server.requests[1]?.headers['cache-control'], 'no-cache')
  t.equal(server.requests.length, 2)
})

t.test('an unknown key gives no verdict while the issuer cannot be asked', async (t) => {
  const { server, clock, verifier } = await verifierOf(t, jsonAnswer(setOf(first)))
  await verifier.verify(token())
  server.answer = broken
  clock.advance(30)
  t.equal(await codeOf(verifier.verify(token(second))), 'keys_unavailable', 'asked without success')
  t.equal(await codeOf(verifier.verify(token(second))), 'keys_unavailable', 'in the cooldown')
  t.match(await verifier.verify(token()), { client_id: 'notes' })
  server.answer = jsonAnswer(setOf(first, second))
  clock.advance(30)
  t.match(await verifier.verify(token(second)), { client_id: 'notes' })
  t.equal(await codeOf(verifier.verify(unknown('after'))), 'unknown_key', 'the issuer is back, and so is the verdict')
})

t.test('a key that was removed from the set is rejected once the set is stale', async (t) => {
  const { server, clock, verifier } = await verifierOf(
    t,
    jsonAnswer(setOf(first, second), { 'cache-control': 'max-age=60' }),
  )
  await verifier.verify(token())
  server.answer = jsonAnswer(setOf(second))
  t.match(await verifier.verify(token()), { client_id: 'notes' }, 'as long as the issuer has allowed')
  clock.advance(60)
  t.equal(await codeOf(verifier.verify(token())), 'unknown_key', 'by the first token after that')
})

t.test('after an idle night the first token does not pass with a revoked key', async (t) => {
  const { server, clock, verifier } = await verifierOf(t, jsonAnswer(setOf(first), { 'cache-control': 'max-age=60' }))
  await verifier.verify(token())
  server.answer = jsonAnswer(setOf(second))
  clock.advance(8 * 3600)
  t.equal(await codeOf(verifier.verify(token())), 'unknown_key')
})

t.test('a set is not taken for fresh after the machine slept or its clock was set back', async (t) => {
  const elapsed = [
    { wall: 3600, monotonic: 0 },
    { wall: -30, monotonic: 3600 },
  ]
  for (const { wall, monotonic } of elapsed) {
    const { server, clock, verifier } = await verifierOf(t, jsonAnswer(setOf(first)))
    await verifier.verify(token())
    clock.wall += wall * 1000
    clock.monotonic += monotonic * 1000
    await verifier.verify(token())
    t.equal(server.requests.length, 2, `wall clock ${wall} s, monotonic clock ${monotonic} s`)
  }
})

t.test('an invalid set never replaces a valid one', async (t) => {
  const answers: [string, Answer][] = [
    ['an empty set', jsonAnswer({ keys: [] })],
    ['an object without keys', jsonAnswer({})],
    ['a list', jsonAnswer([first.jwk])],
    ['null', jsonAnswer(null)],
    ['keys that is not a list', jsonAnswer({ keys: first.jwk })],
    ['a set with null', jsonAnswer({ keys: [null, 1, 'x', []] })],
    ['truncated JSON', (_, response) => response.end(JSON.stringify(setOf(first)).slice(0, -1))],
    ['the page of a captive portal', (_, response) => response.end('<!doctype html>')],
    ['nothing', (_, response) => response.end()],
    ['status 204', (_, response) => response.writeHead(204).end()],
    ['status 404', (_, response) => response.writeHead(404).end(JSON.stringify(setOf(second)))],
    ['status 500', broken],
    ['an unrequested status 304', (_, response) => response.writeHead(304).end()],
    ['a redirect', (_, response) => response.writeHead(302, { location: '/elsewhere' }).end()],
    ['a broken connection', (_, response) => void response.destroy()],
    [
      'a truncated body',
      (_, response) => {
        response.writeHead(200, { 'content-length': '5000' }).write('{"keys":[')
        setImmediate(() => response.destroy())
      },
    ],
    ['a set that is too long', jsonAnswer({ keys: [first.jwk], filler: 'x'.repeat(300_000) })],
  ]
  for (const [what, answer] of answers) {
    const { server, clock, verifier, errors } = await verifierOf(t, jsonAnswer(setOf(first)))
    await verifier.verify(token())
    server.answer = answer
    clock.advance(301)
    t.match(await verifier.verify(token()), { client_id: 'notes' }, what)
    t.equal(server.requests.length, 2, `${what}: was fetched`)
    t.match(errors, [{ code: 'keys_unavailable' }], `${what}: was reported`)
    server.close()
  }
})

t.test('a redirect is not followed', async (t) => {
  const { server, verifier } = await verifierOf(t, (request, response) =>
    request.url === '/jwks'
      ? response.writeHead(302, { location: '/keys' }).end()
      : jsonAnswer(setOf(first))(request, response),
  )
  t.equal(await codeOf(verifier.verify(token())), 'keys_unavailable')
  t.strictSame(
    server.requests.map((request) => request.url),
    ['/jwks'],
  )
})

t.test('unsuitable keys are skipped', async (t) => {
  const rsa = signingKey('rsa', 'RS256')
  const koblitz = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const keys: [string, unknown][] = [
    ['symmetric', { kty: 'oct', kid: 'first', alg: 'ES256', k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr0' }],
    [
      'symmetric for HS256',
      { kty: 'oct', kid: 'first', alg: 'HS256', use: 'sig', k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ' },
    ],
    ['private', { ...first.privateKey.export({ format: 'jwk' }), kid: 'first', alg: 'ES256' }],
    ['for encryption', { ...first.jwk, use: 'enc' }],
    ['for signing only', { ...first.jwk, key_ops: ['sign'] }],
    ['with key_ops that is not a list', { ...first.jwk, key_ops: 'verify' }],
    ['without algorithm', { ...first.jwk, alg: undefined }],
    ['for another algorithm', { ...first.jwk, alg: 'ES384' }],
    ['whose type does not match its algorithm', { ...first.jwk, alg: 'RS256' }],
    ['an RSA key for ES256', { ...rsa.jwk, kid: 'first', alg: 'ES256' }],
    ['on another curve', { ...koblitz.publicKey.export({ format: 'jwk' }), kid: 'first', alg: 'ES256' }],
    ['off the curve', { ...first.jwk, x: first.jwk['y'] }],
    ['without a coordinate', { ...first.jwk, x: undefined }],
    ['with a coordinate that is not a string', { ...first.jwk, x: 1 }],
    ['without kid', { ...first.jwk, kid: undefined }],
    ['with a kid that is a number', { ...first.jwk, kid: 1 }],
    ['twice under one kid', first.jwk],
  ]
  for (const [what, jwk] of keys) {
    const twice = what === 'twice under one kid' ? [{ ...second.jwk, kid: 'first' }] : []
    const { server, verifier } = await verifierOf(t, jsonAnswer({ keys: [jwk, ...twice, second.jwk] }))
    t.equal(await codeOf(verifier.verify(token())), 'unknown_key', what)
    t.match(await verifier.verify(token(second)), { client_id: 'notes' }, `${what}: the key next to it still works`)
    server.close()
  }
})

t.test('an RSA key below 2048 bits is skipped', async (t) => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const { verifier } = await verifierOf(t, jsonAnswer({ keys: [{ ...weak, kid: 'weak', alg: 'RS256' }] }))
  t.equal(await codeOf(verifier.verify(mint(signingKey('weak', 'RS256')))), 'keys_unavailable')
})

t.test(
  'an unavailable issuer is asked in growing intervals, while the stale set serves for a day and no longer',
  async (t) => {
    const { idp, clock, verifier, settle } = detachedVerifier(answerOf(setOf(first), 'max-age=300'))
    await verifier.verify(token())
    idp.answer = () => new Response('oops', { status: 500 })
    clock.advance(300)
    for (let second = 0; second < 120; second++) {
      t.match(await verifier.verify(token()), { client_id: 'notes' })
      await settle()
      clock.advance(1)
    }
    t.strictSame(idp.fetchedAt, [0, 300, 301, 303, 307, 315, 331, 361, 391])

    clock.advance(86_400 - 421)
    t.match(await verifier.verify(token()), { client_id: 'notes' }, 'one second before the day is over')
    clock.advance(1)
    await t.rejects(
      verifier.verify(token()),
      { code: 'keys_unavailable', message: /the response has status 500\.$/ },
      'after it',
    )

    idp.answer = answerOf(setOf(first), 'max-age=300')
    clock.advance(30)
    t.match(await verifier.verify(token()), { client_id: 'notes' }, 'the issuer is back')
  },
)

t.test('an issuer that is unavailable at the start is asked again after a second, not with every token', async (t) => {
  const { server, clock, verifier } = await verifierOf(t, broken)
  for (let count = 0; count < 10; count++) t.equal(await codeOf(verifier.verify(token())), 'keys_unavailable')
  await t.rejects(verifier.ready(), { code: 'keys_unavailable' })
  t.equal(server.requests.length, 1)
  server.answer = jsonAnswer(setOf(first))
  clock.advance(1)
  t.match(await verifier.verify(token()), { client_id: 'notes' })
  await verifier.ready()
  t.equal(server.requests.length, 2)
})

t.test(
  'a fetch that gets no answer times out, and blocks nobody again while the issuer is known to be unavailable',
  async (t) => {
    // Long enough for the first answer on a busy machine.
    const { server, clock, verifier, errors } = await verifierOf(t, jsonAnswer(setOf(first)), { timeout: 2 })
    await verifier.verify(token())
    server.answer = silent
    clock.advance(300)
    t.match(await verifier.verify(token()), { client_id: 'notes' }, 'the first one waits and is served')
    t.match(errors, [{ message: /no complete response within 2000 ms/ }])
    clock.advance(20)
    const waiting = verifier.verify(token())
    t.match(await waiting, { client_id: 'notes' })
    t.equal(errors.length, 1, 'the second one was served before its fetch had failed')
  },
)

t.test('a body that trickles in forever times out as well', async (t) => {
  const { verifier } = await verifierOf(t, (_, response) => void response.writeHead(200).write('{"keys":['), {
    timeout: 0.1,
  })
  await t.rejects(verifier.verify(token()), { code: 'keys_unavailable', message: /no complete response within 100 ms/ })
})

t.test('a custom fetch that ignores the signal does not block the keys forever', async (t) => {
  const { verifier } = await verifierOf(t, silent, { timeout: 0.1, fetch: () => new Promise(() => {}) })
  t.equal(await codeOf(verifier.verify(token())), 'keys_unavailable')
})

t.test('if nobody listens at the address, the operator gets the reason', async (t) => {
  const { server, verifier, errors } = await verifierOf(t, silent)
  server.close()
  t.equal(await codeOf(verifier.verify(token())), 'keys_unavailable')
  t.match(errors, [{ message: /fetch failed .*ECONNREFUSED/ }])
})

t.test('a listener that throws does not harm the verifier', async (t) => {
  const { clock, server, verifier } = await verifierOf(t, broken, {
    onKeysError: () => {
      throw new Error('the log is full')
    },
  })
  t.equal(await codeOf(verifier.verify(token())), 'keys_unavailable')
  server.answer = jsonAnswer(setOf(first))
  clock.advance(1)
  t.match(await verifier.verify(token()), { client_id: 'notes' })
})

t.test('the set is kept as long as its Cache-Control says, within bounds', async (t) => {
  const cases: [headers: Record<string, string>, seconds: number][] = [
    [{}, 300],
    [{ 'cache-control': 'public' }, 300],
    [{ 'cache-control': 'max-age=120' }, 120],
    [{ 'cache-control': 'public, MAX-AGE="120", must-revalidate' }, 120],
    [{ 'cache-control': 'max-age=120', age: '100' }, 20],
    [{ 'cache-control': 'max-age=120', age: 'old' }, 120],
    [{ 'cache-control': 'max-age=120', age: '9999' }, 10],
    [{ 'cache-control': 'x-max-age=900, max-age=120' }, 120],
    [{ 'cache-control': 's-maxage=900' }, 300],
    [{ 'cache-control': 'max-age=0' }, 10],
    [{ 'cache-control': 'no-cache' }, 10],
    [{ 'cache-control': 'no-store, max-age=600' }, 10],
    [{ 'cache-control': 'max-age=-5' }, 300],
    [{ 'cache-control': `max-age=${'9'.repeat(400)}` }, 86_400],
    [{ 'cache-control': 'max-age=31536000' }, 86_400],
  ]
  for (const [headers, seconds] of cases) {
    const { server, clock, verifier } = await verifierOf(t, jsonAnswer(setOf(first), headers), { keepKeysFor: 604_800 })
    await verifier.verify(token())
    clock.advance(seconds * 0.9 - 0.1)
    await verifier.verify(token())
    t.equal(
      server.requests.length,
      1,
      `${JSON.stringify(headers)}: nothing is fetched in the first nine tenths of ${seconds} s`,
    )
    clock.advance(seconds * 0.1 + 0.1)
    await verifier.verify(token())
    t.equal(server.requests.length, 2, `${JSON.stringify(headers)}: it is fetched again after ${seconds} s`)
    server.close()
  }
})

t.test('in the last tenth of its lifetime the set is refreshed in the background', async (t) => {
  const { idp, clock, verifier, settle } = detachedVerifier(answerOf(setOf(first), 'max-age=100'))
  await verifier.verify(token())
  idp.answer = answerOf(setOf(second), 'max-age=100')
  clock.advance(90)
  t.match(await verifier.verify(token()), { client_id: 'notes' }, 'served by the old set')
  await settle()
  t.strictSame(idp.fetchedAt, [0, 90])
  t.equal(await codeOf(verifier.verify(token())), 'unknown_key', 'the new set is there')
})

t.test('stale-while-revalidate lets requests pass during the fetch, and no longer', async (t) => {
  const cacheControl = 'max-age=60, stale-while-revalidate=30'
  const { idp, clock, verifier, settle } = detachedVerifier(answerOf(setOf(first), cacheControl))
  await verifier.verify(token())
  idp.answer = answerOf(setOf(second), cacheControl)
  clock.advance(89)
  t.match(await verifier.verify(token()), { client_id: 'notes' }, 'served by the old set')
  await settle()
  t.equal(await codeOf(verifier.verify(token())), 'unknown_key', 'the new set is there')
  idp.answer = answerOf(setOf(first), cacheControl)
  clock.advance(90)
  t.equal(await codeOf(verifier.verify(token(second))), 'unknown_key', 'after that time requests wait for a newer set')
  t.strictSame(idp.fetchedAt, [0, 89, 179])
})

t.test('an unchanged set is confirmed by its ETag and gets the freshness of the response', async (t) => {
  const { server, clock, verifier } = await verifierOf(
    t,
    jsonAnswer(setOf(first), { etag: '"a"', 'cache-control': 'max-age=60' }),
  )
  await verifier.verify(token())
  server.answer = (_, response) => response.writeHead(304, { 'cache-control': 'max-age=600' }).end()
  clock.advance(60)
  t.match(await verifier.verify(token()), { client_id: 'notes' })
  t.equal(server.requests[0]?.headers['if-none-match'], undefined)
  t.equal(server.requests[1]?.headers['if-none-match'], '"a"')
  clock.advance(539)
  await verifier.verify(token())
  t.equal(server.requests.length, 2)
  clock.advance(86_400 - 539)
  t.match(await verifier.verify(token()), { client_id: 'notes' }, 'confirmed again, however old it is')
  t.equal(server.requests[2]?.headers['if-none-match'], '"a"')
})

t.test('the verifier sends its name to the issuer', async (t) => {
  const names = async (options: Partial<VerifierOptions>) => {
    const { server, verifier } = await verifierOf(t, jsonAnswer(setOf(first)), options)
    await verifier.ready()
    server.close()
    return server.requests[0]?.headers['signet-verifier']
  }
  t.equal(await names({}), 'api.example.com')
  t.equal(await names({ audience: ['https://api.example.com:8443/v1', 'b'] }), 'api.example.com:8443')
  t.equal(await names({ audience: 'urn:example:räume' }), 'urn:example:r?ume')
  t.equal(await names({ name: 'invoices, node 7' }), 'invoices, node 7')
})

t.test('without jwksUri the set is fetched from its default path under the issuer', async (t) => {
  const server = await serve(t, jsonAnswer(setOf(first)))
  for (const issuer of [server.origin, `${server.origin}/`]) {
    const verifier = createVerifier({ issuer, audience, clock: stoppedClock() })
    t.match(await verifier.verify(mint(first, goodClaims({ iss: issuer }))), { iss: issuer })
  }
  t.strictSame(
    server.requests.map((request) => request.url),
    ['/.well-known/jwks.json', '/.well-known/jwks.json'],
  )
})
