import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { hostileRequest, type Material, makeMaterial, signatureOf } from './fuzz-requests.ts'
import { createSearch, installationSecrets } from './leaks.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, type Sent, send } from './send.ts'

const requests = Number(process.env['SIGNET_TEST_FUZZ_REQUESTS'] ?? 2000)
/**
 * The seed of the first round; each further round increments it. A failure names the seed of its round, and running one round with that
 * seed reproduces it.
 */
const firstSeed = Number(process.env['SIGNET_TEST_FUZZ_SEED'] ?? randomInt(2 ** 31))
/** Each round has its own material, because valid items are used, replayed and signed out after a while. */
const roundSize = 1000
/** Requests in parallel, so that they also collide. */
const parallel = 8

/** Values that a response issues for the first time: codes, cookies and tokens that nobody else may see. */
function issuedIn({ text, location = '', setCookies, json }: Answer): string[] {
  const codes = [...`${location}\n${text}`.matchAll(/(?:[?&#]code=|name="code" value=")([A-Za-z0-9_-]{43})/g)]
  // The state of a browser stays the same, and is set again where it is missing.
  const cookies = setCookies.flatMap((line) => [
    ...(/^signet_(?!state_)\w+=([A-Za-z0-9_-]{43})/.exec(line)?.slice(1) ?? []),
  ])
  const tokens = [json?.['access_token'], json?.['id_token']].filter((token) => typeof token === 'string')
  return [...codes.map(([, code = '']) => code), ...cookies, ...tokens.map(signatureOf)]
}

const wordsOf = (text: string) => text.match(/[A-Za-z0-9_-]{43,}/g) ?? []

const everythingIn = ({ headers, text }: Answer) => `${JSON.stringify(headers)}\n${text}`

/** Reports which secrets of others a response contains, and remembers what it issues. */
function createWatch(inner: ReadonlyMap<string, string>) {
  const given = new Set<string>()
  const searchInner = createSearch(inner)
  return {
    given,
    ofRound: ({ secrets }: Material) => {
      const search = createSearch(secrets)
      const kept = new Set<string>()
      const requestText = ({ path, body }: Sent) => search(readable(`${path}\n${body ?? ''}`))
      return {
        beforeSending: (sent: Sent) => {
          // Text in a profile is shown to its person from then on.
          if (sent.path.startsWith('/account/')) for (const name of requestText(sent)) kept.add(name)
        },
        leaksIn: (sent: Sent, answer: Answer): string[] => {
          const whole = everythingIn(answer)
          const leaked = searchInner(whole)
          const found = search(whole)
          if (found.length > 0) {
            // A `state` is returned, and so is a typed name. Header values are not.
            const said = new Set(requestText(sent))
            leaked.push(...found.filter((name) => !said.has(name) && !kept.has(name)))
          }
          if (wordsOf(whole).some((word) => given.has(word))) leaked.push('what another answer gave out')
          for (const secret of issuedIn(answer)) given.add(secret)
          return leaked.map((name) => `it gives away ${name}`)
        },
      }
    },
  }
}

/** Both as sent and decoded. */
function readable(sent: string): string {
  return `${sent}\n${sent.replace(/%[0-7][0-9a-f]/gi, (escaped) => decodeURIComponent(escaped))}`
}

/** Parameters that contain secrets. Their values are never logged. */
const forSecrets = new Set([
  ...['code', 'code_verifier', 'client_secret', 'client_assertion', 'refresh_token', 'access_token', 'id_token_hint'],
  ...['token', 'password', 'current-password', 'new-password', 'confirm-password', 'csrf', 'continue'],
])

/** What a request says in other parameters: the operator is told about a wrong `scope`, whatever somebody has put there. */
function misplaced({ path, body }: Sent): string {
  const pairs = [path.slice(path.indexOf('?') + 1), ...(typeof body === 'string' ? [body] : [])].join('&').split('&')
  return readable(
    pairs.filter((pair) => !forSecrets.has(readable(pair.split('=')[0] ?? '').split('\n')[1] ?? '')).join('&'),
  )
}

t.test('the watch detects what is revealed, and values that the request itself contained', async (t) => {
  const secret = Buffer.alloc(32, 'secret').toString('base64url')
  const material = { secrets: new Map([['the password', secret]]) } as unknown as Material
  const watch = createWatch(new Map([['the master key', Buffer.alloc(32, 'master').toString('base64url')]]))
  const { leaksIn: check, beforeSending } = watch.ofRound(material)
  const answer = (text: string, more: Partial<Answer> = {}): Answer => ({
    ...{ status: 200, headers: {}, setCookies: [], text, location: undefined, json: undefined },
    ...more,
  })
  t.same(check({ path: '/' }, answer(`<p>${secret}</p>`)), ['it gives away the password'])
  t.same(check({ path: '/', headers: { cookie: `x=${secret}` } }, answer(secret)), ['it gives away the password'])
  t.same(check({ path: '/', body: `state=${secret}` }, answer(secret)), [])
  t.same(check({ path: '/' }, answer(Buffer.alloc(32, 'master').toString('hex'))), ['it gives away the master key'])
  const code = Buffer.alloc(32, 'code').toString('base64url')
  t.same(check({ path: '/' }, answer('', { location: `https://app.example/cb?code=${code}` })), [])
  t.same(check({ path: '/' }, answer(`{"code":"${code}"}`)), ['it gives away what another answer gave out'])
  t.ok(watch.given.has(code))
  t.equal(
    misplaced({ path: '/?scope=a&code=b', body: '%63ode=c&state=%64&password=e' }).split('\n')[1],
    'scope=a&state=d',
  )
  beforeSending({ path: '/account/profile', body: `nickname=${secret}` })
  t.same(check({ path: '/account' }, answer(secret)), [], 'people may choose any name')
})

t.test(`${requests} requests made of good and bad parts, eight at a time: each gets a plain response`, async (t) => {
  const idp = await startSignet(t)
  const inner = await installationSecrets(idp)
  const watch = createWatch(inner)
  const seen = new Map<number, number>()
  const reached = new Set<string>()
  let count = 0

  for (let round = 0; count < requests; round++) {
    // Limits are tested elsewhere (sign-in-limits.test.ts); here attempts must remain possible.
    await idp.signet.database.query({ text: 'DELETE FROM rate_limits' })
    const material = await makeMaterial(idp)
    const { beforeSending, leaksIn } = watch.ofRound(material)
    const searchLog = createSearch(new Map([...inner, ...material.secrets]))
    const logBefore = idp.logged().length
    const misplacedIn = new Map<unknown, ReadonlySet<string>>()
    const judge = (sent: Sent, answer: Answer): string[] => {
      misplacedIn.set(answer.headers['x-request-id'], new Set(searchLog(misplaced(sent))))
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
      if (answer.status < 400) reached.add(`${sent.method} ${sent.path.split('?')[0]}`)
      // Responses to HEAD and OPTIONS have no body.
      const silent = ['HEAD', 'OPTIONS'].includes(sent.method ?? '')
      return [...faultsOf(silent ? { ...answer, text: 'none' } : answer), ...leaksIn(sent, answer)]
    }
    const request = hostileRequest(idp.issuer, material)
    const seed = firstSeed + round
    const numRuns = Math.ceil(Math.min(roundSize, requests - count) / parallel)
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(request, { minLength: parallel, maxLength: parallel }), async (together) => {
          // A lost or hanging request is a fault like any other, so that all of them are reported.
          const faults = await Promise.all(
            together.map(async (sent) => {
              beforeSending(sent)
              const found = await send(idp, sent).then(
                (answer) => judge(sent, answer),
                (error: Error) => [`no response: ${error.message}`],
              )
              return found.map((fault) => `${JSON.stringify(sent)}: ${fault}`)
            }),
          )
          if (faults.flat().length > 0) throw new Error(faults.flat().join('\n'))
        }),
        { numRuns, seed, endOnFailure: false },
      )
    } catch (error) {
      t.comment(`To reproduce: SIGNET_TEST_FUZZ_SEED=${seed} SIGNET_TEST_FUZZ_REQUESTS=${numRuns * parallel}`)
      const failures = idp
        .logged()
        .split('\n')
        .filter((line) => line.includes('"level":50'))
      for (const line of new Set(failures.slice(0, 3))) t.comment(line)
      throw error
    }
    const leakLines = idp
      .logged()
      .slice(logBefore)
      .split('\n')
      .filter((line) => {
        const misplaced = line === '' ? undefined : misplacedIn.get(JSON.parse(line).reqId)
        return searchLog(line).some((name) => !misplaced?.has(name))
      })
    t.same(leakLines, [], `round ${round + 1}, seed ${seed}: no secret in the log`)
    count += numRuns * parallel
    if (round % 5 === 4) t.comment(`${count} of ${requests} requests, responses: ${JSON.stringify([...seen])}`)
  }

  t.ok(
    [200, 303, 400, 401, 403, 422].every((status) => seen.has(status)),
    `it got far: ${JSON.stringify([...seen])}`,
  )
  for (const form of ['GET /authorize', 'POST /token', 'POST /introspect', 'POST /revoke', 'POST /account/profile'])
    t.ok(reached.has(form), `${form} also succeeded`)
  const logged = idp.logged()
  t.notMatch(logged, '"level":50', 'no failures were logged')
  t.ok(watch.given.size > requests / 100, `${watch.given.size} codes, cookies and tokens were issued`)
  t.same(
    wordsOf(logged).filter((word) => watch.given.has(word)),
    [],
    'and none of them is in the log',
  )
  t.equal((await send(idp, { path: '/readyz' })).status, 200)
})
