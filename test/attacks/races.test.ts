import { Agent, request } from 'node:http'
import pLimit from 'p-limit'
import t, { type Test } from 'tap'
import { createFairQueue } from '../../src/platform/fair-queue.ts'
import { createPasswordHashing, hashQueueLimits } from '../../src/records/accounts/password-hashing.ts'
import { basic, cheapHashing, type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm, send } from './send.ts'

const racers = Number(process.env['SIGNET_TEST_RACERS'] ?? 2000)
/** Parallel requests of one sender. With more, some would wait for the database for longer than Signet lets them. */
const sockets = 60

/** Sends forms over connections that stay open, so that no request waits for a handshake. */
function sender(idp: Idp, t: Test, path: string, maxSockets = sockets) {
  const agent = new Agent({ keepAlive: true, maxSockets })
  t.teardown(() => agent.destroy())
  return (form: Record<string, string>, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; text: string; setCookies: readonly string[] }>((resolve, reject) => {
      const body = new URLSearchParams(form).toString()
      const sent = request(
        {
          ...{ agent, host: '127.0.0.1', port: idp.signet.settings.port, path, method: 'POST' },
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            'content-length': Buffer.byteLength(body),
            ...headers,
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk
          })
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text, setCookies: response.headers['set-cookie'] ?? [] }),
          )
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
}

const userinfo = async (idp: Idp, token: string) =>
  (await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } })).status

const count = async (idp: Idp, text: string, values: unknown[] = []) =>
  Number((await idp.signet.database.query({ text, values })).rows[0]?.['count'])

const countByStatus = (answers: readonly { status: number }[]) => {
  const statuses: Record<number, number> = {}
  for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1
  return statuses
}

// Hashes are fast here, so the queue for them is short: some requests find it full.
const idp = await startSignet(
  t,
  { SIGNET_TRUST_PROXY: 'loopback', SIGNET_LOG_LEVEL: 'info' },
  { passwords: createPasswordHashing(cheapHashing, createFairQueue({ ...hashQueueLimits, maxWaiting: 20 })) },
)

t.test(`${racers} simultaneous redemptions of one code`, async (t) => {
  const another = await idp.another()
  const redeemers = [sender(idp, t, '/token'), sender(another, t, '/token')]
  const kinds: [kind: string, client: TestClient, times: number][] = [
    ['confidential', await idp.client(), racers],
    ['public', await idp.client({ token_endpoint_auth_method: 'none' }), 100],
  ]
  for (const [kind, client, times] of kinds)
    t.test(`of a ${kind} client, at two nodes: exactly one succeeds`, async (t) => {
      // A key's first signature is tested separately: see bursts.test.ts.
      const { person, browser, redeem: first } = await signIn(idp, client)
      await first()
      const { code, pkce } = await signIn(idp, client, { person, browser })
      const form = {
        ...{ grant_type: 'authorization_code', code, code_verifier: pkce.verifier },
        redirect_uri: client.redirect_uris[0] ?? '',
        ...(kind === 'public' ? { client_id: client.client_id } : {}),
      }
      const headers: Record<string, string> =
        client.secret === undefined ? {} : { authorization: basic(client.client_id, client.secret) }
      const grants = await count(idp, 'SELECT count(*) FROM grants')
      const answers = await Promise.all(
        Array.from({ length: times }, (_, hand) => redeemers[hand % 2]?.(form, headers) ?? Promise.reject(hand)),
      )
      // A busy machine may turn some away; all other responses are correct.
      const { 503: busy = 0, ...statuses } = countByStatus(answers)
      t.same(statuses, { 200: 1, 400: times - 1 - busy })
      t.ok(times - busy >= 2, `${busy} were turned away, and at least two raced`)
      const won = answers.find(({ status }) => status === 200)
      const tokens = JSON.parse(won?.text ?? '{}')
      t.same(
        new Set(answers.filter(({ status }) => status === 400).map(({ text }) => JSON.parse(text).error)),
        new Set(['invalid_grant']),
      )
      t.equal(await count(idp, 'SELECT count(*) FROM grants'), grants, 'no grant resulted from it')
      const grace = kind === 'public'
      // RFC 6749 §4.1.2: somebody who replays with a secret has stolen it; a browser that calls back twice is not a thief.
      t.equal(await userinfo(idp, tokens.access_token), grace ? 200 : 401)
      const refreshed = await idp.token(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
      t.equal(refreshed.status, grace ? 200 : 400)
      const replays = await count(idp, "SELECT count(*) FROM events WHERE type = 'code_replayed' AND client_id = $1", [
        client.client_id,
      ])
      t.equal(replays, grace ? 0 : times - 1 - busy, 'and the operator is told of each')
    })
})

t.test('sign-ups with one e-mail address', async (t) => {
  const accountsOf = (email: string) =>
    count(idp, 'SELECT count(*) FROM account_emails WHERE lower(email) = lower($1)', [email])
  const sessions = () => count(idp, 'SELECT count(*) FROM sessions')

  /** Signs up with a separate password; returns the response, and whom the browser is signed in as. */
  const signUps = async (t: Test, email: string, many: number, network: (one: number) => string) => {
    // Two hundred wait for their password to be hashed: more than the queue allows.
    const signUp = sender(idp, t, '/sign-up', 200)
    const sessionsBefore = await sessions()
    const answers = await Promise.all(
      Array.from({ length: many }, (_, one) =>
        signUp(
          { name: `Person ${one}`, email, password: `a long phrase, number ${one}` },
          { origin: idp.issuer, 'x-forwarded-for': network(one) },
        ),
      ),
    )
    const statuses = countByStatus(answers)
    t.same(
      Object.keys(statuses).filter((status) => !['303', '429', '503'].includes(status)),
      [],
      JSON.stringify(statuses),
    )
    const made = statuses[303] ?? 0
    t.equal(await accountsOf(email), made, 'an account for each that was told so, and for no other')
    t.equal((await sessions()) - sessionsBefore, made, 'and one session for each account')
    const cookies = answers.map(({ setCookies }) =>
      setCookies.find((line) => line.startsWith(`${idp.cookieNames.session}=`)),
    )
    t.same(
      answers.map(({ status }) => status === 303),
      cookies.map((cookie) => cookie !== undefined),
      'nobody is signed in without an account',
    )
    const inTurn = pLimit(8)
    const owners = await Promise.all(
      cookies.map((line, one) =>
        inTurn(async () => {
          if (line === undefined) return undefined
          const { text } = await send(idp, { path: '/account', headers: { cookie: line.split(';')[0] } })
          return [`Person ${one}`, /name="name"[^>]*value="([^"]*)"|value="([^"]*)"[^>]*name="name"/.exec(text)?.[1]]
        }),
      ),
    )
    for (const owner of owners) if (owner) t.equal(owner[1], owner[0], 'each in a separate account')
    return made
  }

  t.test(`${racers / 4} at once from one network: no more accounts than the limit allows`, async (t) => {
    const made = await signUps(t, 'wanted@example.com', racers / 4, () => '203.0.113.1')
    t.ok(made > 0 && made <= 30, `${made} were created`)
  })

  t.test('a hundred and sixty at once from as many networks', async (t) => {
    const made = await signUps(t, 'wanted.too@example.com', 160, (one) => `198.51.100.${one}`)
    t.ok(made > 0 && made < 160, `${made} were created, the others were told to retry`)
  })
})

t.test('two people want one user name at the same moment: one gets it, and the other is told', async (t) => {
  const claim = async (username: string) => {
    const person = await idp.person()
    const browser = idp.browser()
    await browser.submit(await browser.get('/sign-in'), 'sign-in', {
      username: person.username,
      password: person.password,
    })
    const page = await browser.get('/account/sign-in')
    return () => browser.submit(page, 'sign-in-save', { username, 'confirm-password': person.password })
  }
  for (const [mine, yours] of [
    ['wanted.name', 'wanted.name'],
    ['Other.Name', 'oTHER.nAME'],
  ] as const) {
    const claims = [
      ...(await Promise.all([claim(mine), claim(mine)])),
      ...(await Promise.all([claim(yours), claim(yours)])),
    ]
    const visits = await Promise.all(claims.map((send) => send()))
    t.same(visits.map(({ status }) => status).sort(), [303, 422, 422, 422])
    for (const visit of visits) if (visit.status === 422) t.match(visit.text, 'id="username-fault"')
    t.equal(await count(idp, 'SELECT count(*) FROM accounts WHERE lower(username) = lower($1)', [mine]), 1)
  }
})

t.test('none of this caused a server error', async (t) => {
  t.notMatch(idp.logged(), '"level":50')
  const page: Answer = await postForm(idp, '/sign-in', 'username=nobody&password=wrong', { origin: idp.issuer })
  t.same(faultsOf(page), [])
})
