import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { findFamily } from '../../src/tokens/refresh-families-store.ts'
import { encodeRefreshToken } from '../../src/tokens/refresh-token.ts'
import { type Idp, type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

const publicClient = { token_endpoint_auth_method: 'none' } as const
const refused = { status: 400, body: { error: 'invalid_grant' } }

const refresh = (idp: Idp, client: TestClient, token: string, more: Record<string, string> = {}): Promise<Reply> =>
  idp.token(client, { grant_type: 'refresh_token', refresh_token: token, ...more })

const userinfo = (idp: Idp, token: string) =>
  fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } }).then(({ status }) => status)

async function firstTokens(idp: Idp, client: TestClient): Promise<{ refresh_token: string; access_token: string }> {
  return (await (await signIn(idp, client)).redeem()).body
}

async function countEvents(idp: Idp, type: string): Promise<number> {
  const { rows } = await idp.signet.database.query({ text: 'SELECT FROM events WHERE type = $1', values: [type] })
  return rows.length
}

const withGrace = await startSignet(t)
const withoutGrace = await startSignet(t, { SIGNET_REFRESH_GRACE: '0s' })

/** Everything that the database knows about the families: a refusal must not change it. */
const families = async (idp: Idp) =>
  JSON.stringify(
    (await idp.signet.database.query({ text: 'SELECT * FROM refresh_families ORDER BY created_at, digest' })).rows,
  )

t.test("a token that is not the client's own, or not made by Signet, is refused and spends nothing", async (t) => {
  const idp = withGrace
  await idp.resource('https://api.example', ['read'])
  const owner = await idp.client(publicClient)
  const { refresh_token: token } = await firstTokens(idp, owner)
  const { refresh_token: otherFamily } = await firstTokens(idp, owner)
  const untouched = await families(idp)
  const bytes = Buffer.from(token, 'base64url')
  const flipped = (at: number) => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy.toString('base64url')
  }

  const forgeries: Record<string, string> = {
    'a bit of the family flipped': flipped(0),
    'a bit of the generation flipped': flipped(35),
    'a bit of the seal flipped': flipped(67),
    'the next generation under the old seal': (() => {
      const copy = Buffer.from(bytes)
      copy.writeUInt32BE(1, 32)
      return copy.toString('base64url')
    })(),
    'the seal of another family': Buffer.concat([
      bytes.subarray(0, 36),
      Buffer.from(otherFamily, 'base64url').subarray(36),
    ]).toString('base64url'),
    'a shorter one': token.slice(0, -1),
    'a longer one': `${token}A`,
    padding: `${token}=`,
    'plain base64': bytes.toString('base64'),
    'another spelling of the last character': `${token.slice(0, -1)}${String.fromCharCode(token.charCodeAt(90) + 1)}`,
    'a space before': ` ${token}`,
    'a space inside': `${token.slice(0, 40)} ${token.slice(41)}`,
    zeros: Buffer.alloc(68).toString('base64url'),
    'a built-in property name': '__proto__',
    'with the seal of another installation': encodeRefreshToken(
      { current: 1, versions: new Map([[1, Buffer.alloc(32)]]) },
      1,
      { family: bytes.subarray(0, 32), generation: 0 },
    ),
    // The key alone is not enough: the family is not in the database.
    'with a valid seal, for a family that never existed': encodeRefreshToken(idp.signet.secrets['refresh-mac'], 1, {
      family: Buffer.alloc(32, 7),
      generation: 0,
    }),
  }
  for (const [name, forged] of Object.entries(forgeries))
    t.test(name, async (t) => {
      t.match(await refresh(idp, owner, forged), refused)
      t.equal(await families(idp), untouched)
    })

  t.test('by another client, public or not', async (t) => {
    for (const other of [await idp.client(publicClient), await idp.client()])
      t.match(await refresh(idp, other, token), refused)
    t.equal(await families(idp), untouched)
  })

  t.test("with a wider scope, or with a resource that is unknown or not this client's", async (t) => {
    for (const scope of ['openid email', 'openid read', 'admin', '__proto__'])
      t.match(await refresh(idp, owner, token, { scope }), { status: 400, body: { error: 'invalid_scope' } }, scope)
    for (const resource of ['https://nobody.example', 'https://api.example', '__proto__'])
      t.match(
        await refresh(idp, owner, token, { resource }),
        { status: 400, body: { error: 'invalid_target' } },
        resource,
      )
    t.equal(await families(idp), untouched)
  })

  t.test('as a code, or as an access token', async (t) => {
    const form = { grant_type: 'authorization_code', code: token, redirect_uri: 'https://app.example/callback' }
    t.match(await idp.token(owner, form), refused)
    t.equal(await userinfo(idp, token), 401)
    t.equal(await families(idp), untouched)
  })

  t.test('after all this its owner can refresh with it', async (t) => {
    t.equal((await refresh(idp, owner, token)).status, 200)
    t.equal(await countEvents(idp, 'refresh_reused'), 0)
  })
})

t.test('a token that several parties hold', async (t) => {
  const idp = withoutGrace
  const client = await idp.client(publicClient)

  t.test('a thief who comes after two refreshes by the owner ends it for both', async (t) => {
    const stolen = await firstTokens(idp, client)
    const second = (await refresh(idp, client, stolen.refresh_token)).body
    const third = (await refresh(idp, client, second.refresh_token)).body
    t.match(await refresh(idp, client, stolen.refresh_token), refused)
    for (const token of [stolen.refresh_token, second.refresh_token, third.refresh_token])
      t.match(await refresh(idp, client, token), refused)
    for (const token of [stolen.access_token, second.access_token, third.access_token])
      t.equal(await userinfo(idp, token), 401, 'its access tokens are revoked')
  })

  t.test('a thief who comes first ends it for both when the owner comes', async (t) => {
    const { refresh_token: shared } = await firstTokens(idp, client)
    const stolenSecond = (await refresh(idp, client, shared)).body
    const stolenThird = (await refresh(idp, client, stolenSecond.refresh_token)).body
    t.match(await refresh(idp, client, shared), refused)
    t.match(await refresh(idp, client, stolenThird.refresh_token), refused)
    t.equal(await userinfo(idp, stolenThird.access_token), 401)
  })

  t.test('a thief who follows one step behind is detected at the third generation', async (t) => {
    let { refresh_token: token } = await firstTokens(idp, client)
    for (const generation of ['first', 'second']) {
      const owners = (await refresh(idp, client, token)).body.refresh_token
      t.equal(
        (await refresh(idp, client, token)).body.refresh_token,
        owners,
        `the ${generation} counts as a lost response`,
      )
      token = owners
    }
    const next = (await refresh(idp, client, token)).body.refresh_token
    t.match(await refresh(idp, client, token), refused, 'the third does not')
    t.match(await refresh(idp, client, next), refused)
  })

  t.test('a thief who uses up forgiveness gets neither the owner refused nor a different successor', async (t) => {
    const { refresh_token: first } = await firstTokens(idp, client)
    const successor = (await refresh(idp, client, first)).body.refresh_token
    const replies = await sameSuccessor(t, 30, () => refresh(idp, client, first))
    t.equal(replies[0]?.body.refresh_token, successor)
    t.equal((await refresh(idp, client, first)).body.refresh_token, successor, 'the owner, whose response was lost')
    t.equal((await refresh(idp, client, successor)).status, 200)
  })

  t.test('a thief who continues for twelve hours ends the grant for everyone, with its event', async (t) => {
    const { refresh_token: first } = await firstTokens(idp, client)
    const owners = (await refresh(idp, client, first)).body
    const grantId = decodeJwt(owners.access_token)['grant_id']
    for (let hours = 0; hours < 12; hours += 3) {
      t.equal((await refresh(idp, client, first)).body.refresh_token, owners.refresh_token, `${hours} hours later`)
      await passHours(idp, 3)
    }
    t.match(await refresh(idp, client, first), refused, '12 hours later')
    t.match(await refresh(idp, client, owners.refresh_token), refused, 'the thief, who holds the successor')
    t.equal(await userinfo(idp, owners.access_token), 401)
    const { rows } = await idp.signet.database.query({
      text: `SELECT type, detail FROM events WHERE grant_id = $1 AND type IN ('refresh_exhausted', 'grant_ended') ORDER BY type`,
      values: [grantId],
    })
    t.same(rows, [
      { type: 'grant_ended', detail: { reason: 'refresh_exhausted' } },
      { type: 'refresh_exhausted', detail: { generation: 0 } },
    ])
  })

  t.test('an owner who is away for weeks after an outage is not signed out', async (t) => {
    const { refresh_token: first } = await firstTokens(idp, client)
    const successor = (await refresh(idp, client, first)).body.refresh_token
    await refresh(idp, client, first)
    await passHours(idp, 20 * 24)
    t.equal((await refresh(idp, client, first)).body.refresh_token, successor)
  })

  t.test('the end of a grant is final: no generation, old or new, works again', async (t) => {
    const journey = await signIn(idp, client)
    const first = (await journey.redeem()).body
    const second = (await refresh(idp, client, first.refresh_token)).body
    // Replayed outside the grace of zero: RFC 6749 §4.1.2.
    t.match(await journey.redeem(), refused)
    for (const token of [first.refresh_token, second.refresh_token]) t.match(await refresh(idp, client, token), refused)
    t.match(await refresh(idp, client, second.refresh_token), refused)
  })
})

t.test('alongside the previous release, on the same rows', async (t) => {
  const idp = withoutGrace
  const client = await idp.client(publicClient)
  /** What the previous release writes when it forgives a generation, a number of times. */
  const forgiveAsBefore = async (accessToken: string, generation: number, times = 1) => {
    for (let time = 0; time < times; time++)
      await idp.signet.database.query({
        text: `UPDATE refresh_families SET forgiven_generation = $2,
                 forgiven_times = CASE WHEN forgiven_generation = $2 THEN forgiven_times + 1 ELSE 1 END
               WHERE grant_id = $1`,
        values: [decodeJwt(accessToken)['grant_id'], generation],
      })
  }

  t.test('a response that the previous release no longer forgives is forgiven here', async (t) => {
    const { refresh_token: first, access_token: access } = await firstTokens(idp, client)
    const successor = (await refresh(idp, client, first)).body.refresh_token
    await forgiveAsBefore(access, 0, 11)
    t.equal((await refresh(idp, client, first)).body.refresh_token, successor)
    t.equal((await refresh(idp, client, successor)).status, 200)
  })

  t.test('a generation that the previous release forgave counts in a run', async (t) => {
    const { refresh_token: first, access_token: access } = await firstTokens(idp, client)
    const second = (await refresh(idp, client, first)).body.refresh_token
    await forgiveAsBefore(access, 0)
    const third = (await refresh(idp, client, second)).body.refresh_token
    t.equal((await refresh(idp, client, second)).body.refresh_token, third, 'the second in a row')
    const fourth = (await refresh(idp, client, third)).body.refresh_token
    t.match(await refresh(idp, client, third), refused, 'the third')
    t.match(await refresh(idp, client, fourth), refused)
  })

  t.test('what this release knows about an earlier generation is not applied to the one forgiven', async (t) => {
    const { refresh_token: first, access_token: access } = await firstTokens(idp, client)
    let token = (await refresh(idp, client, first)).body.refresh_token
    await refresh(idp, client, first)
    for (let generation = 1; generation < 3; generation++)
      token = (await refresh(idp, client, token)).body.refresh_token
    await passHours(idp, 300)
    await forgiveAsBefore(access, 2)
    const { rows } = await idp.signet.database.query({
      text: 'SELECT digest FROM refresh_families WHERE grant_id = $1',
      values: [decodeJwt(access)['grant_id']],
    })
    t.match(await findFamily(idp.signet.database, rows[0].digest, 0, { ttl: 3600, step: 60 }), {
      forgiveness: { generation: 2, run: 1, through: 2, at: undefined, seconds: 0 },
    })
  })
})

t.test('tokens from a time that the database does not remember', async (t) => {
  const idp = withoutGrace
  const client = await idp.client(publicClient)
  const rollBack = (generation: number) =>
    idp.signet.database.query({
      text: "UPDATE refresh_families SET generation = $1, spends = '{}'",
      values: [generation],
    })

  t.test('the newest is accepted after a restore, and those before it are old', async (t) => {
    const { refresh_token: first } = await firstTokens(idp, client)
    const second = (await refresh(idp, client, first)).body.refresh_token
    const third = (await refresh(idp, client, second)).body.refresh_token
    await rollBack(0)
    const fourth = await refresh(idp, client, third)
    t.equal(fourth.status, 200)
    t.equal(await countEvents(idp, 'refresh_advanced'), 1)
    t.match(await refresh(idp, client, first), refused, 'an older one is now used by two parties')
    t.match(await refresh(idp, client, fourth.body.refresh_token), refused)
  })

  t.test('ten simultaneous requests with it all succeed', async (t) => {
    const { refresh_token: first } = await firstTokens(idp, client)
    const second = (await refresh(idp, client, first)).body.refresh_token
    await rollBack(0)
    const replies = await sameSuccessor(t, 10, () => refresh(idp, client, second))
    t.equal((await refresh(idp, client, replies[0]?.body.refresh_token)).status, 200)
  })

  t.test('a family created after the backup is unknown, without further effect', async (t) => {
    const { refresh_token: token } = await firstTokens(idp, client)
    await idp.signet.database.query({ text: 'DELETE FROM refresh_families' })
    t.match(await refresh(idp, client, token), refused)
  })
})

t.test('twenty refreshes at once', async (t) => {
  const idp = withGrace
  const client = await idp.client(publicClient)
  const { refresh_token: warm } = await firstTokens(idp, client)
  await refresh(idp, client, warm)

  t.test('on one node all return the same successor', async (t) => {
    const { refresh_token: token } = await firstTokens(idp, client)
    const replies = await sameSuccessor(t, 20, () => refresh(idp, client, token))
    t.same(
      await Promise.all(replies.map(({ body }) => userinfo(idp, body.access_token))),
      replies.map(() => 200),
    )
  })

  t.test('on two nodes, too, generation after generation', async (t) => {
    const nodes = [idp, await idp.another()]
    let { refresh_token: token } = await firstTokens(idp, client)
    for (let generation = 0; generation < 3; generation++) {
      let turn = 0
      const replies = await sameSuccessor(t, 20, () => refresh(nodes[turn++ % 2] as Idp, client, token))
      token = replies[0]?.body.refresh_token
    }
    t.equal(await countEvents(idp, 'refresh_reused'), 0)
  })
})

/** Lets hours pass for all families, on the database's clock. */
async function passHours(idp: Idp, hours: number): Promise<void> {
  await idp.signet.database.query({
    text: `UPDATE refresh_families SET forgiven_at = forgiven_at - make_interval(hours => $1),
             spends = ARRAY(SELECT spend - make_interval(hours => $1) FROM unnest(spends) AS spend ORDER BY spend)`,
    values: [hours],
  })
}

/** With a grace of zero, whoever loses the race has lost the response, which is forgiven any number of times. */
async function sameSuccessor(t: Test, racers: number, ask: () => Promise<Reply>): Promise<Reply[]> {
  const replies = await Promise.all(Array.from({ length: racers }, ask))
  t.same(new Set(replies.map(({ status }) => status)), new Set([200]))
  t.equal(new Set(replies.map(({ body }) => body.refresh_token)).size, 1)
  return replies
}

t.test('refreshing gives nothing that ended with the account or was removed from the client', async (t) => {
  const idp = withGrace
  const client = await idp.client(publicClient)
  for (const column of ['disabled_at', 'deleted_at'])
    t.test(`an account's ${column} ends refreshing, even if its grant was opened at that very moment`, async (t) => {
      const journey = await signIn(idp, client)
      const { refresh_token: token } = (await journey.redeem()).body
      await idp.signet.database.query({
        text: `UPDATE accounts SET ${column} = now() WHERE sub = $1`,
        values: [journey.person.sub],
      })
      t.match(await refresh(idp, client, token), refused)
    })

  t.test('the grant type itself', async (t) => {
    const losing = await idp.client(publicClient)
    const { refresh_token: token } = await firstTokens(idp, losing)
    await idp.changeClient(losing, "grant_types = '{authorization_code}'")
    t.match(await refresh(idp, losing, token), { status: 400, body: { error: 'unauthorized_client' } })
  })
})
