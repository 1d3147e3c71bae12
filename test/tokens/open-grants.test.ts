import { randomBytes } from 'node:crypto'
import t from 'tap'
import { insertAccount } from '../../src/records/accounts/accounts-store.ts'
import { deleteExpired } from '../../src/records/cleanup/cleanup-store.ts'
import { completeMetadata } from '../../src/records/clients/client-metadata.ts'
import { insertClient } from '../../src/records/clients/clients-store.ts'
import { noClaims } from '../../src/records/grants/claims-of-request.ts'
import type { ClientId, GrantId, Sid, Sub } from '../../src/records/ids.ts'
import { findSession, insertSession, type Session } from '../../src/records/sessions/sessions-store.ts'
import { insertCode } from '../../src/tokens/authorization-codes-store.ts'
import { migratedDatabase } from '../database.ts'
import { clientVersion } from '../support/client-version.ts'
import { untilNothingIsLeft } from '../support/eventually.ts'

const { openPool } = await migratedDatabase(t)
const database = openPool({ max: 10 })
const sub = 'person' as Sub
await insertAccount(database, { sub, profile: {}, email: undefined, passwordHash: undefined })
const terms = { resources: [], defaultIdTokenAlg: 'ES256' } as const
for (const id of ['client_a', 'client_b'] as ClientId[])
  await insertClient(database, id, completeMetadata({ redirect_uris: ['https://app.example'] }, terms), undefined)

async function enter(): Promise<Session> {
  const digest = randomBytes(32)
  const who = {
    digest,
    browserDigest: digest,
    sub,
    authTime: Date.now(),
    amr: ['pwd'],
    ttl: 3600,
    sidVersion: 1,
    replaces: undefined,
  }
  await insertSession(database, who)
  return (await findSession(database, digest, 3600))!
}

const online = ['openid']
const offline = ['openid', 'offline_access']
let opened = 0

/** @returns the ids, in order */
async function open(session: Session, clientId: string, scopes: string[], count: number): Promise<string[]> {
  const ids: string[] = []
  for (let each = 0; each < count; each++) {
    const id = `grant-${++opened}` as GrantId
    const grant = {
      id,
      clientId: clientId as ClientId,
      sub,
      sessionId: session.id,
      epoch: session.accountEpoch,
      scopes,
      resources: [],
      claims: noClaims,
    }
    await insertCode(
      database,
      {
        grant: { ...grant, authTime: Date.now(), acr: 'aal1', amr: ['pwd'] },
        ...{ digest: randomBytes(32), ttl: 60, redirectUri: 'https://app.example', sid: 'sid' as Sid },
        ...{ codeChallenge: undefined, nonce: undefined, clientUpdatedAt: await clientVersion(database, clientId) },
      },
      { opened: { type: 'grant_opened', by: 'test' } },
    )
    ids.push(id)
  }
  return ids
}

async function stateOf(ids: readonly string[]): Promise<{ open: number; reasons: string[] }> {
  const { rows } = await database.query<{ open: number; reasons: string[] }>({
    text: `SELECT count(*) FILTER (WHERE ended_at IS NULL) AS open, array_agg(end_reason ORDER BY id) FILTER (WHERE ended_at IS NOT NULL) AS reasons
           FROM grants WHERE id = ANY ($1)`,
    values: [ids],
  })
  return { open: rows[0]!.open, reasons: rows[0]!.reasons ?? [] }
}

t.test('a session has at most a hundred open grants per client: one more ends only the oldest', async (t) => {
  const [one, two] = [await enter(), await enter()]
  const elsewhere = [
    ...(await open(two, 'client_a', online, 2)),
    ...(await open(one, 'client_b', online, 2)),
    ...(await open(one, 'client_a', offline, 2)),
  ]
  const all = await open(one, 'client_a', online, 100)
  t.same(await stateOf(all), { open: 100, reasons: [] })
  const [more] = await open(one, 'client_a', online, 1)
  t.same(await stateOf(all.slice(0, 1)), { open: 0, reasons: ['superseded'] })
  t.same(await stateOf([...all.slice(1), more!]), { open: 100, reasons: [] })
  t.equal((await stateOf(elsewhere)).open, elsewhere.length, 'of other sessions, clients and kinds all stay open')
  const { rows } = await database.query("SELECT grant_id, detail FROM events WHERE type = 'grant_ended'")
  t.same(rows, [{ grant_id: all[0], detail: { reason: 'superseded' } }])

  t.test('a grant that ends otherwise makes room', async (t) => {
    await database.query({
      text: "UPDATE grants SET ended_at = now(), end_reason = 'revoked_by_client' WHERE id = $1",
      values: [all[50]],
    })
    await open(one, 'client_a', online, 1)
    t.same(await stateOf(all.slice(1, 2)), { open: 1, reasons: [] })
  })

  t.test('grants with offline access have their own limit of a hundred', async (t) => {
    await open(one, 'client_a', offline, 103)
    const { rows } = await database.query({
      text: `SELECT count(*) AS open FROM grants
             WHERE session_id = $1 AND client_id = 'client_a' AND ended_at IS NULL AND 'offline_access' = ANY (scopes)`,
      values: [one.id],
    })
    t.same(rows, [{ open: 100 }])
  })
})

t.test('concurrent requests exceed the limit by at most their number, and the next ones end the excess', async (t) => {
  const session = await enter()
  await open(session, 'client_b', online, 100)
  await Promise.all(Array.from({ length: 40 }, () => open(session, 'client_b', online, 1)))
  const openNow = async () => {
    const { rows } = await database.query<{ open: number }>({
      text: 'SELECT count(*) AS open FROM grants WHERE session_id = $1 AND ended_at IS NULL',
      values: [session.id],
    })
    return rows[0]!.open
  }
  const after = await openNow()
  t.ok(after >= 100 && after <= 140, `${after} are open`)
  await open(session, 'client_b', online, 16)
  t.equal(await openNow(), 100)
})

t.test('superseded grants are deleted once no token can depend on them, others a week later', async (t) => {
  const count = async () =>
    (
      await database.query<{ superseded: number; others: number }>(
        `SELECT count(*) FILTER (WHERE end_reason = 'superseded') AS superseded,
         count(*) FILTER (WHERE end_reason IS DISTINCT FROM 'superseded') AS others FROM grants`,
      )
    ).rows[0]!
  await deleteExpired(database, 7 * 86_400, { supersededFor: 900 })
  const before = await count()
  t.ok(before.superseded > 0, 'not before its time')
  await database.query("UPDATE grants SET ended_at = now() - interval '20 minutes' WHERE ended_at IS NOT NULL")
  await untilNothingIsLeft('what has expired', () => deleteExpired(database, 7 * 86_400, { supersededFor: 900 }))
  t.same(await count(), { superseded: 0, others: before.others })
})
