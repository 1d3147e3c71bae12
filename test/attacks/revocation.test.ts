import t, { type Test } from 'tap'
import { randomText } from '../../src/platform/secrets/digest.ts'
import { eventually } from '../support/eventually.ts'
import { basic, type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { issuerKeys } from './issuer-keys.ts'
import { signatureNumbers } from './jose-numbers.ts'
import { doubledMembers, shapes, signedHeaders, spellings } from './jose-texts.ts'
import { type Json, keyedWithPublicKey, signWith, unsigned, withForgersKey } from './jose-vectors.ts'
import { type Mutation, mutationNames, mutations, unreadable, wireOf, write } from './mutations.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm, send } from './send.ts'

const idp = await startSignet(t)
const client = await idp.client({ token_endpoint_auth_method: 'client_secret_post', refresh_token_rotation: true })
const app = await idp.client({ token_endpoint_auth_method: 'none' })
const credentials = { client_id: client.client_id, client_secret: client.secret ?? '' }

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly id_token: string
}

const tokensOf = async (who: TestClient): Promise<Tokens> => (await (await signIn(idp, who)).redeem()).body
const revoke = (form: Record<string, string>, headers = {}) =>
  postForm(idp, '/revoke', new URLSearchParams(form).toString(), headers)
const refresh = (who: TestClient, token: string) =>
  idp.token(who, { grant_type: 'refresh_token', refresh_token: token })
const grantOf = ({ access_token: token }: Pick<Tokens, 'access_token'>) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).grant_id as string

/** Everything that the database knows about a grant: a refused request must not change it. */
async function stateOf(tokens: Tokens): Promise<string> {
  const query = async (text: string) => (await idp.signet.database.query({ text, values: [grantOf(tokens)] })).rows
  return JSON.stringify([
    await query('SELECT * FROM grants WHERE id = $1'),
    await query('SELECT * FROM refresh_families WHERE grant_id = $1'),
    await query('SELECT type FROM events WHERE grant_id = $1'),
  ])
}

const isUserinfo = async (token: string, status: number) =>
  (await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } })).status === status

/** No token that was ever issued works. */
async function nothingIsActive(t: Test, who: TestClient, given: readonly Partial<Tokens>[]): Promise<void> {
  for (const { access_token, refresh_token } of given) {
    if (access_token !== undefined) t.ok(await isUserinfo(access_token, 401), 'an access token is inactive')
    if (refresh_token !== undefined)
      t.equal((await refresh(who, refresh_token)).status, 400, 'a refresh token is inactive')
  }
  const { rows } = await idp.signet.database.query({
    text: 'SELECT FROM grants WHERE client_id = $1 AND ended_at IS NULL',
    values: [who.client_id],
  })
  t.equal(rows.length, 0, 'no grant is active')
}

/** Does something in a transaction that stays open, and can report how many others wait for it, directly or indirectly. */
async function hold(text: string, value: string) {
  const { database } = idp.signet
  const connection = await database.connect()
  const { rows } = await connection.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  await connection.query('BEGIN')
  await connection.query({ text, values: [value] })
  const waiting = `WITH RECURSIVE behind AS (
      SELECT $1::integer AS pid
      UNION SELECT activity.pid FROM pg_stat_activity AS activity JOIN behind ON behind.pid = ANY (pg_blocking_pids(activity.pid))
    ) SELECT FROM behind WHERE pid <> $1`
  return {
    isWaitedFor: async (count: number) => {
      const look = async () => (await database.query({ text: waiting, values: [rows[0]?.pid] })).rows.length
      await eventually(`${count} to wait for it`, look, (seen) => seen >= count)
    },
    commit: async () => {
      await connection.query('COMMIT')
      connection.release()
    },
  }
}

/** `done`, or the error. */
function outcomeOf({ status, headers, text, json }: Answer): string {
  if (status === 200) return text === '{}' ? 'done' : text
  const error = String(json?.['error'])
  return status === (headers['www-authenticate'] === undefined ? 400 : 401) ? error : `${status} ${error}`
}

t.test('every parameter, corrupted in every way, and no refusal affects the token', async (t) => {
  const tokens = await tokensOf(client)
  const before = await stateOf(tokens)
  const good = { ...credentials, token: tokens.refresh_token, token_type_hint: 'refresh_token' }
  /** Outcomes if missing or empty, 8 KB long, of a wrong type. What would actually revoke it comes last. */
  const table: Record<string, [missing: string, long: string, wrong: string]> = {
    token: ['invalid_request', 'done', 'done'],
    token_type_hint: ['', 'invalid_request', ''],
    client_id: ['invalid_client', 'invalid_request', 'invalid_client'],
    client_secret: ['invalid_client', 'invalid_request', 'invalid_client'],
    not_a_parameter: ['', '', ''],
  }
  const expected = ([missing, long, wrong]: [string, string, string], mutation: Mutation) => {
    if (unreadable.has(mutation)) return 'invalid_request'
    return mutation === '8 KB long' ? long : mutation === 'of a wrong type' ? wrong : missing
  }
  for (const [name, outcomes] of Object.entries(table))
    for (const mutation of mutationNames) {
      const outcome = expected(outcomes, mutation)
      if (outcome === '') continue
      const answer = await postForm(idp, '/revoke', write(mutations[mutation](wireOf(good), name)))
      t.same(faultsOf(answer), [], `${name} ${mutation}`)
      t.equal(outcomeOf(answer), outcome, `${name} ${mutation}`)
      t.equal(answer.headers['cache-control'], 'no-store')
    }
  for (const [length, outcome] of [
    [16_384, 'done'],
    [16_385, 'invalid_request'],
    [32_769, '413 invalid_request'],
  ] as const)
    t.equal(outcomeOf(await revoke({ ...credentials, token: 'x'.repeat(length) })), outcome, `${length} characters`)
  t.equal(await stateOf(tokens), before)
  const odd = { ...good, token_type_hint: '{"a":[1]}', not_a_parameter: 'x'.repeat(8192) }
  t.equal(outcomeOf(await revoke(odd)), 'done')
  await nothingIsActive(t, client, [tokens])
})

t.test('nobody else can end a grant', async (t) => {
  const tokens = await tokensOf(client)
  const before = await stateOf(tokens)
  const strangers = { confidential: await idp.client(), public: app }
  const proofs: Record<string, [form: Record<string, string>, headers: Record<string, string>, outcome: string]> = {
    'another client': [
      {},
      { authorization: basic(strangers.confidential.client_id, strangers.confidential.secret ?? '') },
      'invalid_grant',
    ],
    'a public client': [{ client_id: app.client_id }, {}, 'invalid_grant'],
    'the owner with a wrong secret': [{ ...credentials, client_secret: 'wrong' }, {}, 'invalid_client'],
    'the owner without its secret': [{ client_id: client.client_id }, {}, 'invalid_client'],
    "the owner with another client's secret": [
      { ...credentials, client_secret: strangers.confidential.secret ?? '' },
      {},
      'invalid_client',
    ],
    'the owner with another method': [
      {},
      { authorization: basic(credentials.client_id, credentials.client_secret) },
      'invalid_client',
    ],
    nobody: [{}, {}, 'invalid_client'],
    'the holder of the token': [{}, { authorization: `Bearer ${tokens.access_token}` }, 'invalid_client'],
  }
  for (const [who, [form, headers, outcome]] of Object.entries(proofs))
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      const answer = await revoke({ ...form, token }, headers)
      t.same(faultsOf(answer), [], who)
      t.equal(outcomeOf(answer), outcome, who)
    }
  t.equal(await stateOf(tokens), before)
  const spent = tokens.refresh_token
  const next = (await refresh(client, spent)).body as Tokens
  t.equal(outcomeOf(await revoke({ client_id: app.client_id, token: spent })), 'invalid_grant', 'nor with a spent one')
  t.ok(await isUserinfo(next.access_token, 200))
  t.equal(outcomeOf(await revoke({ ...credentials, token: spent })), 'done')
  await nothingIsActive(t, client, [tokens, next])
})

t.test('no web page can end a grant: not with a cookie, a link, or anything but a form', async (t) => {
  const journey = await signIn(idp, client)
  const tokens = (await journey.redeem()).body as Tokens
  const before = await stateOf(tokens)
  const cookie = [...journey.browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const { refresh_token: token } = tokens
  const good = new URLSearchParams({ ...credentials, token }).toString()
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const cases: [what: string, answer: Promise<Answer>, statuses: number[]][] = [
    ['a cookie as credentials', revoke({ token }, { cookie }), [400]],
    ['a cookie and an origin of ours', revoke({ token }, { cookie, origin: idp.issuer }), [400]],
    ['another site', revoke({ token }, { cookie, origin: 'https://evil.example' }), [400]],
    ['a link', send(idp, { path: `/revoke?${good}`, headers: { cookie } }), [404, 405]],
    ['a script (RFC 7009 §2.3)', send(idp, { path: `/revoke?${good}&callback=alert` }), [404, 405]],
    ['everything in the query', send(idp, { method: 'POST', path: `/revoke?${good}`, headers: form }), [400]],
    ['the token in the query', postForm(idp, `/revoke?token=${token}`, write(wireOf(credentials))), [400]],
    ['the secret in the query', postForm(idp, `/revoke?${write(wireOf(credentials))}`, `token=${token}`), [400]],
    ['a name in brackets', postForm(idp, '/revoke', `${write(wireOf(credentials))}&token[]=${token}`), [400]],
    ['DELETE', send(idp, { method: 'DELETE', path: `/revoke?${good}` }), [404, 405]],
    ...['application/json', 'text/plain', 'multipart/form-data; boundary=x'].map(
      (type): [string, Promise<Answer>, number[]] => [
        type,
        send(idp, { method: 'POST', path: '/revoke', headers: { 'content-type': type }, body: good }),
        [415],
      ],
    ),
  ]
  for (const [what, asked, statuses] of cases) {
    const answer = await asked
    t.ok(statuses.includes(answer.status), `${what}: ${answer.status}`)
    t.same(faultsOf(answer), [], what)
    t.notMatch(answer.text, 'alert', what)
  }
  t.equal(
    outcomeOf(await postForm(idp, `/revoke?token=${token}`, write(wireOf({ ...credentials, token: 'x' })))),
    'done',
  )
  t.equal(await stateOf(tokens), before)
  t.equal(outcomeOf(await postForm(idp, '/revoke', good)), 'done')
  await nothingIsActive(t, client, [tokens])
})

t.test('a forgery that names the grant does not end it, nor does another spelling of its token', async (t) => {
  const tokens = await tokensOf(client)
  const before = await stateOf(tokens)
  const { ES256: key } = await issuerKeys(idp)
  const real = JSON.parse(Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString()) as Json
  const claims = () => ({ ...real, jti: randomText(8) })
  const [typ, nowhere] = ['at+jwt', 'https://evil.example/jwks.json']
  const refreshBytes = Buffer.from(tokens.refresh_token, 'base64url')
  const vectors = [
    ...unsigned(key, typ, claims),
    ...keyedWithPublicKey(key, typ, claims),
    ...withForgersKey(key, typ, claims, nowhere),
    ...signatureNumbers(key, typ, claims),
    ...shapes(tokens.access_token),
    ...spellings(tokens.access_token),
    ...spellings(tokens.refresh_token),
    ...signedHeaders(key, typ, claims, nowhere),
    ...doubledMembers(key, typ, claims),
    ['an ID token', tokens.id_token],
    ...[0, 31, 35, 36, 67].map((at) => {
      const bytes = Buffer.from(refreshBytes)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      return [`a refresh token with another bit in byte ${at}`, bytes.toString('base64url')] as const
    }),
  ] as const
  const wrong: string[] = []
  for (const [name, token] of vectors) {
    const answer = await revoke({ ...credentials, token })
    // A line end is refused: "done" would hide from the client that the intended token is still active.
    const refusal = /[\t\r\n]/.test(token) ? 'invalid_request' : 'done'
    if (faultsOf(answer).length > 0 || outcomeOf(answer) !== refusal) wrong.push(`${name}: ${answer.text}`)
  }
  t.same(wrong, [], 'RFC 7009 §2.2: an invalid token is not an error')
  t.equal(await stateOf(tokens), before)
  const own = signWith(key, { alg: 'ES256', typ, kid: key.kid }, claims())
  t.equal(outcomeOf(await revoke({ ...credentials, token: own })), 'done')
  t.ok(await isUserinfo(tokens.access_token, 401), 'a token for the same grant, signed by the same key, does end it')
})

t.test('twenty simultaneous revocations of one token all succeed, with one event', async (t) => {
  const tokens = await tokensOf(client)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      revoke({ ...credentials, token: index % 2 === 0 ? tokens.access_token : tokens.refresh_token }),
    ),
  )
  t.same(new Set(answers.map(outcomeOf)), new Set(['done']))
  const { rows } = await idp.signet.database.query({
    text: "SELECT FROM events WHERE grant_id = $1 AND type = 'grant_ended'",
    values: [grantOf(tokens)],
  })
  t.equal(rows.length, 1)
  await nothingIsActive(t, client, [tokens])
})

t.test('after a race between revoking and refreshing nothing is active, whichever was first', async (t) => {
  const bodiesOf = (replies: readonly Reply[]) =>
    replies.filter(({ status }) => status === 200).map(({ body }) => body as Tokens)
  for (const who of [client, app]) {
    const proof = who === client ? credentials : { client_id: app.client_id }
    for (const given of ['access_token', 'refresh_token'] as const) {
      const tokens = await tokensOf(who)
      const [replies, answers] = await Promise.all([
        Promise.all(Array.from({ length: 6 }, () => refresh(who, tokens.refresh_token))),
        Promise.all(Array.from({ length: 2 }, () => revoke({ ...proof, token: tokens[given] }))),
      ])
      t.same(answers.map(outcomeOf), ['done', 'done'])
      t.ok(replies.every(({ status }) => status === 200 || status === 400))
      await nothingIsActive(t, who, [tokens, ...bodiesOf(replies)])
    }
  }

  for (const first of ['the refresh', 'the revocation'] as const)
    await t.test(`${first} being the first to wait for the grant`, async (t) => {
      // A client that rotates its tokens: without rotation a refresh changes nothing, and waits for nobody.
      const tokens = await tokensOf(app)
      // The grant is locked until both are running, in this order.
      const holder = await hold('SELECT FROM grants WHERE id = $1 FOR UPDATE', grantOf(tokens))
      const acts = [
        () => refresh(app, tokens.refresh_token),
        () => revoke({ client_id: app.client_id, token: tokens.access_token }),
      ]
      if (first === 'the revocation') acts.reverse()
      const begun: Promise<Reply | Answer>[] = []
      for (const act of acts) {
        begun.push(act())
        await holder.isWaitedFor(begun.length)
      }
      await holder.commit()
      const ended = await Promise.all(begun)
      const reply = ended.find((answer): answer is Reply => 'body' in answer)
      t.equal(reply?.status, first === 'the refresh' ? 200 : 400)
      await nothingIsActive(t, app, [tokens, ...(reply ? bodiesOf([reply]) : [])])
    })
})

t.test('after a race between redeeming a code and revoking its tokens nothing is active', async (t) => {
  for (const who of [client, app]) {
    const proof = who === client ? credentials : { client_id: app.client_id }
    const { redeem } = await signIn(idp, who)
    const replies = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const reply = await redeem()
        if (reply.status === 200) await revoke({ ...proof, token: reply.body.access_token })
        return reply
      }),
    )
    const redeemed = replies.filter(({ status }) => status === 200)
    t.equal(redeemed.length, 1)
    t.equal((await redeem()).status, 400, 'and the code issues nothing more')
    await nothingIsActive(
      t,
      who,
      redeemed.map(({ body }) => body as Tokens),
    )
  }
})

t.test('a grant that was ended while its code was being delivered issues nothing', async (t) => {
  const { redeem, code } = await signIn(idp, client)
  const ending =
    "UPDATE grants SET ended_at = now(), end_reason = 'revoked_by_operator' WHERE client_id = $1 AND ended_at IS NULL"
  const holder = await hold(ending, client.client_id)
  const late = redeem(code)
  await holder.isWaitedFor(1)
  await holder.commit()
  t.match(await late, { status: 400, body: { error: 'invalid_grant' } })
  await nothingIsActive(t, client, [])
})
