import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, type SignedIn, signIn } from '../support/journey.ts'

const idp = await startSignet(t)

const publicClient = { token_endpoint_auth_method: 'none' } as const
const refusedCode = { status: 400, body: { error: 'invalid_grant' } }

const userinfo = (idp: Idp, token: string) =>
  fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } }).then(({ status }) => status)

const countEvents = async (idp: Idp, type: string) =>
  (await idp.signet.database.query({ text: 'SELECT count(*) AS n FROM events WHERE type = $1', values: [type] }))
    .rows[0]?.['n'] as number

t.test('PKCE', async (t) => {
  const person = await idp.person()
  const { browser } = await signIn(idp, await idp.client(), { person })
  const answerTo = async (client: TestClient, more: Record<string, string>) => {
    const parameters = authorizationParameters(client, pkce(), more)
    const { location } = await browser.get(`/authorize?${new URLSearchParams(parameters)}`)
    return new URL(location ?? '', idp.issuer)
  }

  t.test('a missing, plain, unnamed or malformed challenge is refused', async (t) => {
    for (const client of [await idp.client(), await idp.client(publicClient)])
      for (const more of [
        { code_challenge: '', code_challenge_method: '' },
        { code_challenge: '' },
        { code_challenge_method: 'plain' },
        { code_challenge_method: '' },
        { code_challenge_method: 's256' },
        { code_challenge_method: 'S512' },
        { code_challenge_method: '__proto__' },
        { code_challenge: 'x'.repeat(42) },
        { code_challenge: 'x'.repeat(44) },
        { code_challenge: `${'x'.repeat(42)}=` },
        { code_challenge: `${'x'.repeat(42)}+` },
        { code_challenge: '__proto__' },
      ] as Record<string, string>[])
        t.equal((await answerTo(client, more)).searchParams.get('error'), 'invalid_request', JSON.stringify(more))
  })

  t.test('a public client must use it, whatever its registration says', async (t) => {
    const lax = await idp.client({ ...publicClient, require_pkce: false })
    const answer = await answerTo(lax, { code_challenge: '', code_challenge_method: '' })
    t.equal(answer.searchParams.get('error'), 'invalid_request')
  })

  t.test('a verifier that is wrong, missing, too short, or the challenge itself redeems nothing', async (t) => {
    const client = await idp.client(publicClient)
    const { redeem, pkce: proof, code } = await signIn(idp, client, { person })
    for (const verifier of [pkce().verifier, proof.challenge, proof.verifier.toUpperCase(), `${proof.verifier}a`])
      t.match(await redeem(code, { code_verifier: verifier }), refusedCode)
    for (const verifier of ['short', 'x'.repeat(129), `${proof.verifier}=`, `${proof.verifier} `])
      t.match(await redeem(code, { code_verifier: verifier }), { status: 400, body: { error: 'invalid_request' } })
    t.match(await redeem(code, { code_verifier: '' }), refusedCode)
    t.equal((await redeem(code)).status, 200, 'and the owner can still redeem the code')
  })

  t.test('a verifier for a code without a challenge is refused as a downgrade (RFC 9700 §4.8.2)', async (t) => {
    const lax = await idp.client({ require_pkce: false })
    const parameters = { code_challenge: '', code_challenge_method: '' }
    const { redeem, code } = await signIn(idp, lax, { person, parameters })
    t.match(await redeem(code), refusedCode, 'the journey sends a verifier')
    t.equal((await redeem(code, { code_verifier: '' })).status, 200)
  })

  t.test('auto: a confidential client needs PKCE, or a nonce that an ID token returns', async (t) => {
    const auto = await idp.client({ require_pkce: 'auto', scope: 'openid offline_access profile' })
    const without = { code_challenge: '', code_challenge_method: '' }
    const errorOf = async (client: TestClient, more: Record<string, string>) =>
      (await answerTo(client, { ...without, ...more })).searchParams
    for (const more of [
      {},
      { nonce: '' },
      { nonce: 'n', scope: 'profile' },
      { nonce: 'n', scope: 'profile offline_access' },
      { nonce: 'n', scope: 'openidx profile' },
    ] as Record<string, string>[]) {
      const error = await errorOf(auto, more)
      if (more['scope'] === 'openidx profile') t.match(error.get('error'), /^invalid_(scope|request)$/)
      else t.equal(error.get('error'), 'invalid_request', JSON.stringify(more))
    }
    t.match((await errorOf(auto, {})).get('error_description'), /code_challenge.*nonce.*openid.*operator/)
    const noOpenid = await idp.client({ require_pkce: 'auto', scope: 'profile' })
    t.equal(
      (await errorOf(noOpenid, { nonce: 'n', scope: '' })).get('error'),
      'invalid_request',
      'by default no openid',
    )
    const broken = { nonce: 'n', code_challenge: 'short', code_challenge_method: 'S256' }
    t.equal(
      (await errorOf(auto, broken)).get('error'),
      'invalid_request',
      'a broken challenge is not replaced by a nonce',
    )
    t.equal(
      (await errorOf(auto, { nonce: 'n', code_challenge: pkce().challenge })).get('error'),
      'invalid_request',
      'plain',
    )
    t.equal((await errorOf(auto, { nonce: 'n', code_challenge_method: 'S256' })).get('error'), 'invalid_request')
    for (const strict of [await idp.client(), await idp.client({ ...publicClient, require_pkce: 'auto' })])
      t.equal((await errorOf(strict, { nonce: 'n' })).get('error'), 'invalid_request', 'a nonce does not replace PKCE')
  })

  t.test('auto: nobody can remove or add PKCE on the way', async (t) => {
    const auto = await idp.client({ require_pkce: 'auto' })
    const removed = { code_challenge: '', code_challenge_method: '', nonce: 'n' }
    const stripped = await signIn(idp, auto, { person, parameters: removed })
    t.match(await stripped.redeem(), refusedCode, 'the challenge was removed: the client sends its verifier')
    t.match(await stripped.redeem(stripped.code, { code_verifier: pkce().verifier }), refusedCode)
    const challenged = await signIn(idp, auto, { person, parameters: { nonce: 'n' } })
    t.match(
      await challenged.redeem(challenged.code, { code_verifier: '' }),
      refusedCode,
      'a nonce does not replace the verifier',
    )
    t.match(await challenged.redeem(challenged.code, { code_verifier: stripped.pkce.verifier }), refusedCode)
    t.match(await challenged.redeem(stripped.code), refusedCode, "one code with the other's verifier")
    t.equal((await challenged.redeem()).status, 200)
    t.equal((await stripped.redeem(stripped.code, { code_verifier: '' })).status, 200)
  })

  t.test('the nonce comes back exactly, from the request that the code was issued for', async (t) => {
    const auto = await idp.client({ require_pkce: 'auto' })
    const nonceIn = (idToken: string) =>
      JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString())['nonce']
    const nonces = ['n', ' n', 'n ', 'N', '"\\', 'ä€😀', '0', 'null', 'a+b%20c', 'x'.repeat(512)]
    const journeys = await Promise.all(
      nonces.map((nonce) =>
        signIn(idp, auto, { person, parameters: { nonce, code_challenge: '', code_challenge_method: '' } }),
      ),
    )
    for (const [index, { redeem, code }] of journeys.entries()) {
      const { body } = await redeem(code, { code_verifier: '', nonce: 'another' })
      t.equal(nonceIn(body.id_token), nonces[index], JSON.stringify(nonces[index]?.slice(0, 20)))
    }
  })

  t.test('a challenge that equals the verifier (plain) does not match', async (t) => {
    const client = await idp.client(publicClient)
    const verifier = 'v'.repeat(43)
    const { redeem, code } = await signIn(idp, client, { person, parameters: { code_challenge: verifier } })
    t.match(await redeem(code, { code_verifier: verifier }), refusedCode)
    t.not(createHash('sha256').update(verifier).digest('base64url'), verifier)
  })
})

t.test('somebody who saw a code can neither use nor invalidate it', async (t) => {
  const owner = await idp.client({ redirect_uris: ['https://app.example/callback', 'https://app.example/other'] })
  const thief = await idp.client()
  const publicThief = await idp.client(publicClient)

  const attempts: Record<string, (journey: SignedIn) => Promise<unknown>> = {
    'by another client': ({ code, pkce }) =>
      idp.token(thief, {
        grant_type: 'authorization_code',
        code,
        redirect_uri: 'https://app.example/callback',
        code_verifier: pkce.verifier,
      }),
    'by a public client': ({ code, pkce }) =>
      idp.token(publicThief, {
        grant_type: 'authorization_code',
        code,
        redirect_uri: 'https://app.example/callback',
        code_verifier: pkce.verifier,
      }),
    'with another verifier': ({ redeem, code }) => redeem(code, { code_verifier: pkce().verifier }),
    'with another redirect URI of the same client': ({ redeem, code }) =>
      redeem(code, { redirect_uri: 'https://app.example/other' }),
    'with an unregistered redirect URI': ({ redeem, code }) =>
      redeem(code, { redirect_uri: 'https://evil.example/callback' }),
    'as a refresh token': ({ code }) => idp.token(owner, { grant_type: 'refresh_token', refresh_token: code }),
  }
  for (const [name, attempt] of Object.entries(attempts)) {
    t.test(`${name}, before the owner`, async (t) => {
      const journey = await signIn(idp, owner)
      t.match(await attempt(journey), refusedCode)
      t.match(await attempt(journey), refusedCode)
      const tokens = await journey.redeem()
      t.equal(tokens.status, 200)
      t.equal(await userinfo(idp, tokens.body.access_token), 200)
    })
    t.test(`${name}, after the owner: it does not count as a replay, and nothing ends`, async (t) => {
      const journey = await signIn(idp, owner)
      const tokens = (await journey.redeem()).body
      const replays = await countEvents(idp, 'code_replayed')
      t.match(await attempt(journey), refusedCode)
      t.equal(await userinfo(idp, tokens.access_token), 200)
      t.equal(
        (await idp.token(owner, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })).status,
        200,
      )
      t.equal(await countEvents(idp, 'code_replayed'), replays)
    })
  }

  t.test('with an invalid resource or invalid client credentials', async (t) => {
    const { redeem, code } = await signIn(idp, owner)
    t.match(await redeem(code, { resource: 'https://nobody.example' }), {
      status: 400,
      body: { error: 'invalid_target' },
    })
    t.match(await idp.token({ ...owner, secret: 'wrong' }, { grant_type: 'authorization_code', code }), {
      status: 401,
      body: { error: 'invalid_client' },
    })
    t.equal((await redeem()).status, 200)
  })

  t.test('a code has exactly one spelling', async (t) => {
    const { redeem, code } = await signIn(idp, owner)
    for (const other of [`${code} `, ` ${code}`, `${code}=`, code.slice(0, -1), code.toLowerCase(), '__proto__'])
      t.match(await redeem(other), refusedCode, JSON.stringify(other.slice(-4)))
    t.match(await redeem(`${code}\n`), { status: 400, body: { error: 'invalid_request' } }, 'with a line end')
    t.equal((await redeem()).status, 200)
  })
})

t.test('a used code', async (t) => {
  t.test('is refused, and whatever it issued is revoked although the response is an error', async (t) => {
    const client = await idp.client()
    const { redeem } = await signIn(idp, client)
    const before = await countEvents(idp, 'code_replayed')
    const tokens = (await redeem()).body
    t.equal(await userinfo(idp, tokens.access_token), 200)
    t.match(await redeem(), refusedCode)
    t.equal(await userinfo(idp, tokens.access_token), 401)
    t.match(await idp.token(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }), refusedCode)
    t.equal(await countEvents(idp, 'code_replayed'), before + 1)
  })

  t.test('within the grace, a public client only gets an error: a browser may call back twice', async (t) => {
    const client = await idp.client(publicClient)
    const { redeem } = await signIn(idp, client)
    const tokens = (await redeem()).body
    t.match(await redeem(), refusedCode)
    t.equal(await userinfo(idp, tokens.access_token), 200)
    await idp.signet.database.query({
      text: "UPDATE authorization_codes SET spent_at = spent_at - interval '11 seconds'",
    })
    t.match(await redeem(), refusedCode)
    t.equal(await userinfo(idp, tokens.access_token), 401, 'after the grace it is a replay like any other')
  })

  t.test('is recognised as used even after it has expired', async (t) => {
    const { redeem } = await signIn(idp, await idp.client())
    const tokens = (await redeem()).body
    await idp.signet.database.query({ text: "UPDATE authorization_codes SET expires_at = now() - interval '1 hour'" })
    t.match(await redeem(), refusedCode)
    t.equal(await userinfo(idp, tokens.access_token), 401)
  })
})

t.test('an expired code, or one whose session or account has ended, redeems nothing', async (t) => {
  const client = await idp.client({ scope: 'openid' })
  const change = async (t: Test, text: string, values: unknown[]) => {
    const journey = await signIn(idp, client, { parameters: { scope: 'openid' } })
    await idp.signet.database.query({
      text,
      values: values.map((value) => (value === '$sub' ? journey.person.sub : value)),
    })
    t.match(await journey.redeem(), refusedCode)
  }
  await change(t, 'UPDATE authorization_codes SET expires_at = clock_timestamp()', [])
  await change(t, "UPDATE grants SET ended_at = now(), end_reason = 'revoked_by_operator' WHERE sub = $1", ['$sub'])
  // As an operator's command does it, except for the grant: a code issued at the same moment must not survive it.
  await change(t, 'UPDATE accounts SET disabled_at = now() WHERE sub = $1', ['$sub'])
  await change(t, 'UPDATE accounts SET deleted_at = now() WHERE sub = $1', ['$sub'])
  await change(t, 'UPDATE sessions SET ended_at = now() WHERE sub = $1', ['$sub'])

  const signedOut = await signIn(idp, client, { parameters: { scope: 'openid' } })
  await signedOut.browser.submit(await signedOut.browser.get('/logout'), 'confirm-logout')
  t.match(await signedOut.redeem(), refusedCode)
})
