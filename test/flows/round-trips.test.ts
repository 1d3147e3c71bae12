import t from 'tap'
import { countRoundTrips } from '../support/count-round-trips.ts'
import { decide, ofDevice, startDevice } from '../support/device.ts'
import { type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

/*
 * The round trips to PostgreSQL that a token request takes: one to read, and one to write what the rule decided, with its event. The client is in
 * memory. Nothing here opens a transaction.
 */

const idp = await startSignet(t)
const trips = countRoundTrips(t)

const refresh = (client: TestClient, token: string) =>
  idp.token(client, { grant_type: 'refresh_token', refresh_token: token })

/** Does a token request. */
async function counted(request: () => Promise<Reply>): Promise<{ reply: Reply; statements: readonly string[] }> {
  let reply: Reply | undefined
  const requests = await trips.during(async () => {
    reply = await request()
  })
  if (!reply || requests.length !== 1) throw new Error('There was not exactly one request.')
  return { reply, statements: requests[0]?.statements ?? [] }
}

/** A client that this node has in memory, and whose person has signed in. */
async function known(metadata: Parameters<typeof idp.client>[0] = {}) {
  const client = await idp.client(metadata)
  const journey = await signIn(idp, client)
  await journey.redeem()
  return { client, again: () => signIn(idp, client, journey) }
}

t.test('a public client takes at most two round trips', async (t) => {
  const { client, again } = await known({ token_endpoint_auth_method: 'none' })
  const { redeem } = await again()
  const redeemed = await counted(redeem)
  t.same(redeemed.statements, ['find-authorization-code', 'spend-authorization-code'], 'to redeem a code')
  const first = redeemed.reply.body.refresh_token
  t.same((await counted(redeem)).statements, ['find-authorization-code'], 'to repeat that')

  const refreshed = await counted(() => refresh(client, first))
  t.same(refreshed.statements, ['find-refresh-family', 'spend-refresh-generation'], 'to refresh')
  t.same((await counted(() => refresh(client, first))).statements, ['find-refresh-family'], 'to repeat that')

  await idp.signet.database.query(
    "UPDATE refresh_families SET spends = ARRAY(SELECT spend - interval '1 hour' FROM unnest(spends) AS spend)",
  )
  const forgiven = await counted(() => refresh(client, first))
  t.same(
    forgiven.statements,
    ['find-refresh-family', 'save-refresh-forgiveness-and-record-two'],
    'after a lost response',
  )
  t.same((await counted(() => refresh(client, first))).statements, ['find-refresh-family'], 'to retry at once')

  const second = (await refresh(client, refreshed.reply.body.refresh_token)).body.refresh_token
  const reused = await counted(() => refresh(client, first))
  t.match(reused, { reply: { status: 400 }, statements: ['find-refresh-family', 'end-refresh-family'] }, 'of a thief')
  const ended = await counted(() => refresh(client, second))
  t.match(ended, { reply: { status: 400 }, statements: ['find-refresh-family'] }, 'after the end')
  t.same((await counted(() => refresh(client, 'forged'))).statements, [], 'and a forged token none')
})

t.test('a client that authenticates only reads to refresh, except when the sliding end moves', async (t) => {
  const { client, again } = await known()
  const { redeem } = await again()
  const redeemed = await counted(redeem)
  t.same(redeemed.statements, ['find-authorization-code', 'spend-authorization-code'])
  const token = redeemed.reply.body.refresh_token
  const end = async () =>
    (await idp.signet.database.query('SELECT max(expires_at) AS end FROM refresh_families')).rows[0].end as Date
  const before = await end()
  for (const time of ['first', 'second', 'third'])
    t.match(
      await counted(() => refresh(client, token)),
      { reply: { status: 200 }, statements: ['find-refresh-family'] },
      time,
    )
  t.same(await end(), before)

  await idp.signet.database.query("UPDATE refresh_families SET expires_at = expires_at - interval '61 seconds'")
  const slid = await counted(() => refresh(client, token))
  t.match(
    slid,
    { reply: { status: 200 }, statements: ['find-refresh-family', 'slide-refresh-family'] },
    'a minute later',
  )
  t.ok((await end()) >= before)
  t.same((await counted(() => refresh(client, token))).statements, ['find-refresh-family'], 'and not again')

  const replayed = await counted(redeem)
  t.match(replayed, { reply: { status: 400 }, statements: ['find-authorization-code', 'end-replayed-grant'] })
})

t.test('a device takes one round trip while nobody has decided, and two for its tokens', async (t) => {
  const client = await idp.client(ofDevice)
  const [person, browser] = [await idp.person(), idp.browser()]
  const device = await startDevice(idp, client)
  t.same((await counted(device.poll)).statements, ['poll-device-request'])
  await decide(browser, person, device)
  const redeemed = await counted(device.poll)
  t.match(redeemed, { reply: { status: 200 }, statements: ['poll-device-request', 'spend-device-code'] })
  t.same((await counted(device.poll)).statements, ['poll-device-request'], 'and to repeat that')
})
