import { decodeJwt } from 'jose'
import t from 'tap'
import { type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

const publicClient = { token_endpoint_auth_method: 'none' } as const

async function firstTokens(idp: Idp, client: TestClient) {
  return (await (await signIn(idp, client)).redeem()).body
}

const refresh = (idp: Idp, client: TestClient, token: string, more: Record<string, string> = {}) =>
  idp.token(client, { grant_type: 'refresh_token', refresh_token: token, ...more })

t.test('refreshing without a grace period', async (t) => {
  const idp = await startSignet(t, { SIGNET_REFRESH_GRACE: '0s' })
  const client = await idp.client(publicClient)

  t.test('a token that two parties use ends the grant, and the access token with it', async (t) => {
    const { refresh_token: stolen } = await firstTokens(idp, client)
    const second = (await refresh(idp, client, stolen)).body
    const third = (await refresh(idp, client, second.refresh_token)).body
    const thief = await refresh(idp, client, stolen)
    t.match(thief, { status: 400, body: { error: 'invalid_grant' } })
    t.match(await refresh(idp, client, third.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    const userinfo = await fetch(`${idp.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${third.access_token}` },
    })
    t.equal(userinfo.status, 401)
    const { rows } = await idp.signet.database.query("SELECT type FROM events WHERE type = 'refresh_reused'")
    t.equal(rows.length, 1)
  })

  t.test('a public client that was registered without rotation still has its tokens rotated', async (t) => {
    const old = await idp.client({ ...publicClient, refresh_token_rotation: false })
    const { refresh_token: stolen } = await firstTokens(idp, old)
    const second = (await refresh(idp, old, stolen)).body.refresh_token
    t.not(second, stolen)
    t.equal((await refresh(idp, old, second)).status, 200)
    t.match(await refresh(idp, old, stolen), { status: 400, body: { error: 'invalid_grant' } })
  })

  t.test(
    'a lost response is reissued however often it is requested, with one event, and the family stays active',
    async (t) => {
      const { refresh_token: first } = await firstTokens(idp, client)
      const { refresh_token: successor, access_token: token } = (await refresh(idp, client, first)).body
      for (let attempt = 0; attempt < 25; attempt++)
        t.equal((await refresh(idp, client, first)).body.refresh_token, successor)
      t.equal((await refresh(idp, client, successor)).status, 200)
      const { rows } = await idp.signet.database.query({
        text: "SELECT type FROM events WHERE grant_id = $1 AND type LIKE 'refresh_%'",
        values: [decodeJwt(token)['grant_id']],
      })
      t.same(rows, [{ type: 'refresh_forgiven' }])
    },
  )

  t.test('responses lost in two generations in a row are forgiven, repeatedly', async (t) => {
    let { refresh_token: token } = await firstTokens(idp, client)
    for (const lost of [true, true, false, true, true, false]) {
      const given = (await refresh(idp, client, token)).body.refresh_token
      if (lost) t.equal((await refresh(idp, client, token)).body.refresh_token, given)
      token = given
    }
    t.equal((await refresh(idp, client, token)).status, 200)
  })

  t.test('after a restore, the database accepts the newer token and continues from there', async (t) => {
    const tokens = await firstTokens(idp, client)
    const second = (await refresh(idp, client, tokens.refresh_token)).body
    const third = (await refresh(idp, client, second.refresh_token)).body
    const grant = decodeJwt(third.access_token)['grant_id']
    await idp.signet.database.query({
      text: "UPDATE refresh_families SET generation = 0, spends = '{}' WHERE grant_id = $1",
      values: [grant],
    })
    const fourth = await refresh(idp, client, third.refresh_token)
    t.equal(fourth.status, 200)
    t.equal((await refresh(idp, client, fourth.body.refresh_token)).status, 200)
  })
})

t.test('refreshing within the grace period', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client(publicClient)

  t.test('twenty requests at once all get the same successor, and all of it works', async (t) => {
    const { refresh_token } = await firstTokens(idp, client)
    const replies = await Promise.all(Array.from({ length: 20 }, () => refresh(idp, client, refresh_token)))
    t.same(new Set(replies.map(({ status }) => status)), new Set([200]))
    t.equal(new Set(replies.map(({ body }) => body.refresh_token)).size, 1)
    t.equal((await refresh(idp, client, replies[0]?.body.refresh_token)).status, 200)
  })

  t.test('a refusal spends nothing: another client, a wider scope, an unknown resource', async (t) => {
    const { refresh_token } = await firstTokens(idp, client)
    const other = await idp.client(publicClient)
    t.match(await refresh(idp, other, refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await refresh(idp, client, refresh_token, { scope: 'openid email' }), {
      status: 400,
      body: { error: 'invalid_scope' },
    })
    t.match(await refresh(idp, client, refresh_token, { resource: 'https://x.example' }), {
      status: 400,
      body: { error: 'invalid_target' },
    })
    const { rows } = await idp.signet.database.query(
      'SELECT generation FROM refresh_families ORDER BY created_at DESC LIMIT 1',
    )
    t.equal(rows[0].generation, 0)
    t.equal((await refresh(idp, client, refresh_token)).status, 200)
  })

  t.test('a narrower scope narrows the access token, not the family', async (t) => {
    const { refresh_token } = await firstTokens(idp, client)
    const narrowed = (await refresh(idp, client, refresh_token, { scope: 'openid' })).body
    t.equal(narrowed.scope, 'openid')
    t.equal((await refresh(idp, client, narrowed.refresh_token)).body.scope, 'openid offline_access')
  })

  t.test('without offline_access there is no refresh token', async (t) => {
    const journey = await signIn(idp, client, { parameters: { scope: 'openid' } })
    t.notOk('refresh_token' in (await journey.redeem()).body)
  })

  t.test('a client that authenticates keeps its token, and may use it any number of times', async (t) => {
    const confidential = await idp.client()
    const { refresh_token } = await firstTokens(idp, confidential)
    for (let use = 0; use < 3; use++)
      t.equal((await refresh(idp, confidential, refresh_token)).body.refresh_token, refresh_token)
  })

  t.test('the absolute expiry does not move, and an expired family is refused', async (t) => {
    const { refresh_token } = await firstTokens(idp, client)
    await idp.signet.database.query("UPDATE refresh_families SET max_expires_at = now() + interval '1 hour'")
    const next = (await refresh(idp, client, refresh_token)).body.refresh_token
    const { rows } = await idp.signet.database.query(
      'SELECT expires_at <= max_expires_at AS bounded FROM refresh_families ORDER BY created_at DESC LIMIT 1',
    )
    t.ok(rows[0].bounded)
    await idp.signet.database.query('UPDATE refresh_families SET max_expires_at = now(), expires_at = now()')
    t.match(await refresh(idp, client, next), { status: 400, body: { error: 'invalid_grant' } })
  })
})
