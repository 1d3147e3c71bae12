import t from 'tap'
import { disableAccount } from '../../src/operations/account-access.ts'
import { redeemCode } from '../../src/operations/redeem-code.ts'
import { redeemDeviceCode } from '../../src/operations/redeem-device-code.ts'
import { refreshTokens } from '../../src/operations/refresh-tokens.ts'
import type { Database } from '../../src/platform/database/pool.ts'
import type { Statement } from '../../src/platform/database/queryable.ts'
import { TooManyWaiting, type Turns } from '../../src/platform/turns.ts'
import type { Client } from '../../src/records/clients/client.ts'
import type { Signet } from '../../src/signet.ts'
import type { IssuedTokens, TokensRefused } from '../../src/tokens/issue-for-person.ts'
import { withoutPooler } from '../database.ts'
import { deviceGrants } from '../support/device.ts'
import { eventually } from '../support/eventually.ts'
import { startSignet } from '../support/idp.ts'
import { openGrant } from '../support/open-grants.ts'

/*
 * A request reads in one statement and writes in another, without a lock in between. Here something happens exactly in between.
 */

const idp = await startSignet(t)
// As two requests at different nodes: they do not wait for each other.
const turns: Turns = { take: (_key, work) => work() }
const signet: Signet = { ...idp.signet, turns }
const { database } = signet
// As the endpoint does before it calls an operation.
await signet.keyRing.extendRetention(3600)
const caller = { requestId: 'test', network: '192.0.2.1' }
const firstParty = { first_party: true, scope: 'openid offline_access' }
const publicClient = await idp.client({ ...firstParty, token_endpoint_auth_method: 'none' })
const confidential = await idp.client(firstParty)
const device = await idp.client({ ...firstParty, ...deviceGrants })

type Outcome = Promise<IssuedTokens | TokensRefused>

/** A way to get tokens: what it writes last, and a grant that is ready for it. */
interface Way {
  readonly client: Client
  readonly statement: string
  readonly prepare: () => Promise<Prepared>
}

interface Prepared {
  readonly grantId: string
  readonly sub: Parameters<typeof disableAccount>[2]
  readonly ask: (signet: Signet) => Outcome
  /** Everything that is stored about it. */
  readonly rows: () => Promise<unknown>
}

async function grantFor(client: Client) {
  const { sub } = await idp.person()
  const grant = await openGrant(signet, { clientId: client.client_id, sub, scopes: ['openid', 'offline_access'] })
  const rows = async () => {
    const text = `SELECT (SELECT jsonb_agg(f) FROM refresh_families f WHERE grant_id = $1) AS families,
                    (SELECT jsonb_agg(c) FROM authorization_codes c WHERE grant_id = $1) AS codes,
                    (SELECT jsonb_agg(d) FROM device_requests d WHERE grant_id = $1) AS devices`
    return (await database.query({ text, values: [grant.id] })).rows
  }
  return { ...grant, grantId: grant.id, sub, rows }
}

async function codeOf(client: Client): Promise<Prepared> {
  const grant = await grantFor(client)
  const request = await grant.insertCode()
  return { ...grant, ask: (signet) => redeemCode(signet, client, caller, request) }
}

async function deviceCodeOf(client: Client): Promise<Prepared> {
  const grant = await grantFor(client)
  const request = await grant.insertDeviceCode()
  return { ...grant, ask: (signet) => redeemDeviceCode(signet, client, caller, request) }
}

/** @param generation the newest of the family; it was spent an hour ago */
async function familyOf(client: Client, generation = 0) {
  const grant = await grantFor(client)
  const family = await grant.insertFamily()
  await database.query({
    text: `UPDATE refresh_families SET generation = $2, expires_at = expires_at - interval '1 hour',
             spends = ARRAY(SELECT now() - interval '1 hour' FROM generate_series(1, $2)) WHERE digest = $1`,
    values: [family.key, generation],
  })
  const present = (signet: Signet, presented: number) =>
    refreshTokens(signet, client, caller, family.request(presented))
  return { ...grant, ...family, present }
}

const ways: Record<string, Way> = {
  'a code': {
    client: confidential,
    statement: 'spend-authorization-code',
    prepare: () => codeOf(confidential),
  },
  'a device code': { client: device, statement: 'spend-device-code', prepare: () => deviceCodeOf(device) },
  'a refresh token': {
    client: publicClient,
    statement: 'spend-refresh-generation',
    prepare: async () => {
      const family = await familyOf(publicClient)
      return { ...family, ask: (signet) => family.present(signet, 0) }
    },
  },
  'a refresh token without rotation': {
    client: confidential,
    statement: 'slide-refresh-family',
    prepare: async () => {
      const family = await familyOf(confidential)
      return { ...family, ask: (signet) => family.present(signet, 0) }
    },
  },
  'a refresh token whose response was lost': {
    client: publicClient,
    statement: 'save-refresh-forgiveness-and-record-two',
    prepare: async () => {
      const family = await familyOf(publicClient, 1)
      return { ...family, ask: (signet) => family.present(signet, 0) }
    },
  },
}

/** A node that does something each time before it sends a statement. */
function before(statement: string, work: (time: number) => Promise<unknown>): Signet {
  let times = 0
  const query = async (sent: Statement) => {
    if (sent.name === statement) await work(++times)
    return database.query(sent)
  }
  return { ...signet, database: { ...database, query } as Database }
}

const types = async (grantId: string) => {
  await signet.deferredEvents.stop()
  const text = 'SELECT type FROM events WHERE grant_id = $1 ORDER BY id'
  return (await database.query<{ type: string }>({ text, values: [grantId] })).rows.map(({ type }) => type)
}

/** How often a generation was spent, as the metrics say. */
const spends = () =>
  signet.metrics.readings.signet_refreshes_total().find(({ labels }) => labels['outcome'] === 'spend')?.value ?? 0

const successorOf = (outcome: Awaited<Outcome>) => ('refreshToken' in outcome ? outcome.refreshToken : outcome)

for (const [what, { statement, prepare }] of Object.entries(ways)) {
  t.test(`${what}: a grant that ends between read and write gives nothing, and nothing is written`, async (t) => {
    const { sub, grantId, ask, rows } = await prepare()
    let stored: unknown
    const revoking = before(statement, async () => {
      stored ??= await rows()
      await disableAccount(signet, { kind: 'operator', by: 'test' }, sub)
    })
    t.match(await ask(revoking), { refused: String, detail: /has ended/ })
    t.same(await rows(), stored)
    t.notOk((await types(grantId)).includes('tokens_issued'))
  })

  t.test(`${what}: what expires between read and write gives nothing`, async (t) => {
    const { grantId, ask } = await prepare()
    const expiring = before(statement, async () => {
      for (const table of ['refresh_families', 'authorization_codes', 'device_requests'])
        await database.query({ text: `UPDATE ${table} SET expires_at = now() WHERE grant_id = $1`, values: [grantId] })
    })
    t.match(await ask(expiring), { refused: String, detail: /expired|older|too late/ })
    t.notOk((await types(grantId)).includes('tokens_issued'))
  })

  t.test(`${what}: a failure to sign changes nothing, and the next request succeeds`, async (t) => {
    const { ask, rows, grantId } = await prepare()
    const stored = await rows()
    const sign = async () => {
      throw new Error('no key')
    }
    await t.rejects(ask({ ...signet, keyRing: { ...signet.keyRing, sign } }), /no key/)
    t.same(await rows(), stored)
    t.same(await types(grantId), [])
    t.match(await ask(signet), { accessToken: String })
  })
}

t.test('two that have read the same generation before either spends it get the same successor', async (t) => {
  const family = await familyOf(publicClient)
  const winners: Awaited<Outcome>[] = []
  const late = before('spend-refresh-generation', async (time) => {
    if (time === 1) winners.push(await family.present(signet, 0))
  })
  const loser = await family.present(late, 0)
  t.equal(successorOf(loser), family.token(1))
  t.same(winners.map(successorOf), [family.token(1)])
  t.same(await types(family.grantId), ['tokens_issued', 'tokens_issued'])
})

t.test('two that have read the same lost response: both get its successor, and it is forgiven once', async (t) => {
  const family = await familyOf(publicClient, 1)
  const late = before('save-refresh-forgiveness-and-record-two', async (time) => {
    if (time === 1) t.equal(successorOf(await family.present(signet, 0)), family.token(1))
  })
  t.equal(successorOf(await family.present(late, 0)), family.token(1))
  t.same((await types(family.grantId)).sort(), ['refresh_forgiven', 'tokens_issued', 'tokens_issued'])
})

withoutPooler(t, 'a lost response is forgiven again, also by a server that rounds what it returns', async (t) => {
  const family = await familyOf(publicClient, 1)
  await database.query({
    text: `UPDATE refresh_families SET forgiven_generation = 0, forgiven_run = 1, forgiven_through = 0,
             forgiven_at = date_trunc('milliseconds', now() - interval '1 hour'), forgiven_seconds = 0.30000000000000004 WHERE digest = $1`,
    values: [family.key],
  })
  const connection = await database.connect()
  t.teardown(() => connection.release('its session was changed'))
  // The default before PostgreSQL 12, which configurations may still have.
  await connection.query('SET extra_float_digits = 0')
  const rounding = { ...signet, database: { ...database, query: connection.query } as Database }
  t.equal(successorOf(await family.present(rounding, 0)), family.token(1))
})

t.test('two that have read that a token is reused: one ends the grant, and both are refused', async (t) => {
  const family = await familyOf(publicClient, 3)
  const late = before('end-refresh-family', async () => {
    t.match(await family.present(signet, 0), { refused: 'refresh_token_reused' })
  })
  t.match(await family.present(late, 1), { refused: 'refresh_token_unknown', detail: /has ended/ })
  t.same((await types(family.grantId)).sort(), ['grant_ended', 'refresh_reused'])
})

t.test('a token that is reused while the owner refreshes with the newest: the owner gets nothing', async (t) => {
  const family = await familyOf(publicClient, 3)
  const late = before('spend-refresh-generation', async () => {
    t.match(await family.present(signet, 0), { refused: 'refresh_token_reused' })
  })
  t.match(await family.present(late, 3), { refused: 'refresh_token_unknown', detail: /has ended/ })
  t.same((await types(family.grantId)).sort(), ['grant_ended', 'refresh_reused'])
})

t.test('two that have read a code before either spends it: one gets tokens, and the grant ends', async (t) => {
  const { ask, grantId } = await codeOf(confidential)
  const winners: Awaited<Outcome>[] = []
  const late = before('spend-authorization-code', async (time) => {
    if (time === 1) winners.push(await ask(signet))
  })
  t.match(await ask(late), { refused: 'code_replayed' })
  t.match(winners, [{ accessToken: String, refreshToken: String }])
  t.same((await types(grantId)).sort(), ['code_replayed', 'grant_ended', 'tokens_issued'])
  const text = 'SELECT FROM refresh_families WHERE grant_id = $1'
  t.equal((await database.query({ text, values: [grantId] })).rowCount, 1)
})

t.test('two that have read a code of a public client within the grace: one gets tokens, and keeps them', async (t) => {
  const { ask, grantId } = await codeOf(publicClient)
  const late = before('spend-authorization-code', async (time) => {
    if (time === 1) t.match(await ask(signet), { accessToken: String })
  })
  t.match(await ask(late), { refused: 'code_replayed' })
  t.same(await types(grantId), ['tokens_issued'])
})

t.test('two that have read a device code before either spends it: one gets tokens, and keeps them', async (t) => {
  const { ask, grantId } = await deviceCodeOf(device)
  const late = before('spend-device-code', async (time) => {
    if (time === 1) t.match(await ask(signet), { accessToken: String })
  })
  t.match(await ask(late), { refused: 'device_code_used' })
  t.same(await types(grantId), ['tokens_issued'])
})

t.test('a request that others disturb three times gets 503 and has changed nothing', async (t) => {
  const family = await familyOf(publicClient)
  const disturbed = before('spend-refresh-generation', () =>
    database.query({
      text: 'UPDATE refresh_families SET forgiven_seconds = forgiven_seconds + 1 WHERE digest = $1',
      values: [family.key],
    }),
  )
  const counted = spends()
  await t.rejects(family.present(disturbed, 0), TooManyWaiting)
  t.equal(spends(), counted)
  t.same(await types(family.grantId), [])
  t.equal(successorOf(await family.present(signet, 0)), family.token(1))
})

t.test('a request that others disturb twice is counted once', async (t) => {
  const family = await familyOf(publicClient)
  const disturbed = before('spend-refresh-generation', async (time) => {
    if (time === 3) return
    const text = 'UPDATE refresh_families SET forgiven_seconds = forgiven_seconds + 1 WHERE digest = $1'
    await database.query({ text, values: [family.key] })
  })
  const counted = spends()
  t.equal(successorOf(await family.present(disturbed, 0)), family.token(1))
  t.equal(spends() - counted, 1)
  t.same(await types(family.grantId), ['tokens_issued'])
})

t.test('a node of the previous release that spends the same generation in a transaction', async (t) => {
  const family = await familyOf(publicClient)
  const previous = await database.connect()
  await previous.query('BEGIN')
  await previous.query(
    `SELECT FROM refresh_families JOIN grants ON grants.id = grant_id
     WHERE refresh_families.digest = $1 FOR UPDATE OF refresh_families, grants`,
    [family.key],
  )
  const { rows } = await previous.query('SELECT pg_backend_pid() AS pid')
  const waiting = family.present(signet, 0)
  await eventually('the request to wait for the row', async () => {
    const text = 'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
    return (await database.query({ text, values: [rows[0].pid] })).rowCount === 1
  })
  await previous.query(
    'UPDATE refresh_families SET generation = 1, spends = spends || clock_timestamp() WHERE digest = $1',
    [family.key],
  )
  await previous.query('COMMIT')
  previous.release()
  t.equal(successorOf(await waiting), family.token(1))
  const text = 'SELECT generation FROM refresh_families WHERE digest = $1'
  t.same((await database.query({ text, values: [family.key] })).rows, [{ generation: 1 }])
})

t.test('a code of a client whose document changes between read and write redeems nothing', async (t) => {
  const { ask, grantId } = await codeOf(confidential)
  const changing = before('spend-authorization-code', () =>
    database.query({
      text: "UPDATE authorization_codes SET document_digest = '\\x01' WHERE grant_id = $1",
      values: [grantId],
    }),
  )
  t.match(await ask(changing), { refused: 'client_document_changed' })
  t.same(await types(grantId), [])
})
