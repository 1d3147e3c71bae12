import t, { type Test } from 'tap'
import { inTransaction, type Queryable } from '../../../src/platform/database/queryable.ts'
import { addJob, countNotices } from '../../../src/platform/jobs/jobs-store.ts'
import { decideEnding, endNextBatch } from '../../../src/records/endings/decide-ending.ts'
import { endAllSessions } from '../../../src/records/endings/decisions-store.ts'
import type { SessionId, Sub } from '../../../src/records/ids.ts'
import { findFrontChannelClients } from '../../../src/records/sessions/session-clients-store.ts'
import { migratedDatabase } from '../../database.ts'
import { untilNothingIsLeft } from '../../support/eventually.ts'

/** A database without a server, so that queued jobs stay where they are. */
async function open(t: Test) {
  const { schema, openPool } = await migratedDatabase(t)
  const db = openPool({ max: 4 })
  const ask = async <Row extends object>(text: string, values: unknown[] = []) =>
    (await db.query<Row>({ text, values })).rows
  const jobs = () =>
    ask<{ client: string; session: number; priority: number }>(
      `SELECT payload->>'client' AS client, (payload->>'session')::bigint AS session, priority FROM ${schema}_jobs._private_jobs
       ORDER BY payload->>'client', id`,
    )
  return { schema, db, ask, jobs }
}

type Ask = Awaited<ReturnType<typeof open>>['ask']

const person = async (ask: Ask, sub: string) => {
  await ask('INSERT INTO accounts (sub) VALUES ($1)', [sub])
  return sub as Sub
}

/** @param uris which of the two URIs the client has */
const client = (ask: Ask, id: string, ...uris: ('back' | 'front')[]) =>
  ask(
    `INSERT INTO clients (client_id, client_name, grant_types, response_types, scope, token_endpoint_auth_method, id_token_signed_response_alg, refresh_token_rotation, backchannel_logout_uri, frontchannel_logout_uri)
     VALUES ($1, $1, '{}', '{}', '{}', 'none', 'ES256', true, $2, $3)`,
    [
      id,
      uris.includes('back') ? 'https://app.example/b' : null,
      uris.includes('front') ? 'https://app.example/f' : null,
    ],
  )

async function sessions(ask: Ask, sub: string, number = 1): Promise<SessionId[]> {
  const rows = await ask<{ id: SessionId }>(
    `INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at, epoch)
     SELECT ($1 || n)::bytea, 'b', $1, now(), '{pwd}', now() + interval '1 hour', 0 FROM generate_series(1, $2) AS n RETURNING id`,
    [sub, number],
  )
  return rows.map(({ id }) => id)
}

const grants = (ask: Ask, sub: string, id: SessionId, clientId: string, number = 1) =>
  ask(
    `INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr)
     SELECT concat_ws('-', $1::text, $2::bigint, $3::text, n), $3, $1, $2, '{openid}', '{}', now(), 'aal1', '{pwd}' FROM generate_series(1, $4) AS n`,
    [sub, id, clientId, number],
  )

const end = (ask: Ask, id: SessionId) => ask('UPDATE sessions SET ended_at = now() WHERE id = $1', [id])

t.test('as long as no client wants to be told, the queue is not needed', async (t) => {
  const { ask, schema } = await open(t)
  await ask(`DROP SCHEMA ${schema}_jobs CASCADE`)
  await client(ask, 'silent', 'front')
  const sub = await person(ask, 'person')
  const [id] = (await sessions(ask, sub)) as [SessionId]
  await grants(ask, sub, id, 'silent')
  await end(ask, id)
  t.match(await ask('SELECT ended_at IS NOT NULL AS ended FROM sessions'), [{ ended: true }])
})

t.test('a session is announced once, to each client once, whatever its grants are', async (t) => {
  const { db, ask, jobs } = await open(t)
  const sub = await person(ask, 'person')
  await client(ask, 'a many', 'back', 'front')
  await client(ask, 'b superseded', 'back')
  await client(ask, 'c deleted', 'back')
  await client(ask, 'd both', 'back')
  await client(ask, 'e silent')
  await client(ask, 'f front', 'front')
  await client(ask, 'g gone', 'back', 'front')
  await client(ask, 'h by itself', 'back')
  await client(ask, 'i other session', 'back')
  const [id, other] = (await sessions(ask, sub, 2)) as [SessionId, SessionId]
  await grants(ask, sub, id, 'a many', 5_000)
  for (const one of ['b superseded', 'c deleted', 'd both', 'e silent', 'f front', 'g gone', 'h by itself'])
    await grants(ask, sub, id, one, 3)
  await grants(ask, sub, other, 'i other session')
  await ask(
    `UPDATE grants SET ended_at = now(), end_reason = 'superseded' WHERE client_id IN ('b superseded', 'd both', 'e silent')`,
  )
  await ask(`DELETE FROM grants WHERE client_id IN ('c deleted', 'd both', 'e silent')`)
  await ask(`UPDATE clients SET deleted_at = now() WHERE client_id = 'g gone'`)
  await ask(`UPDATE clients SET self_registered = true WHERE client_id = 'h by itself'`)
  t.same(
    (await ask<{ client_id: string }>('SELECT client_id FROM session_clients ORDER BY client_id')).map(
      (row) => row.client_id,
    ),
    ['b superseded', 'c deleted', 'd both'],
    'only what the open grants do not say is kept, and only of clients that are to be told',
  )
  t.same(
    (await findFrontChannelClients(db, id)).map(({ client_id }) => client_id),
    ['a many', 'f front'],
  )
  await end(ask, id)
  t.same(await jobs(), [
    { client: 'a many', session: id, priority: 0 },
    { client: 'b superseded', session: id, priority: 0 },
    { client: 'c deleted', session: id, priority: 0 },
    { client: 'd both', session: id, priority: 0 },
    { client: 'h by itself', session: id, priority: 1 },
  ])
  await ask('UPDATE sessions SET ended_at = now()')
  t.equal((await jobs()).length, 6, 'the other session, and this one not again')
  t.equal(await countNotices(db), 6)
  await ask('DELETE FROM sessions')
  t.same(await ask('SELECT FROM session_clients'), [], 'nothing is left of a session that is deleted')
})

t.test('what ends with its session leaves nothing behind', async (t) => {
  const { ask } = await open(t)
  const sub = await person(ask, 'person')
  await client(ask, 'app', 'back')
  const [id] = (await sessions(ask, sub)) as [SessionId]
  await grants(ask, sub, id, 'app')
  await end(ask, id)
  await ask(`UPDATE grants SET ended_at = now(), end_reason = 'signed_out'`)
  await ask('DELETE FROM grants')
  t.same(await ask('SELECT FROM session_clients'), [])
})

t.test('a sign-out that is rolled back tells nobody', async (t) => {
  const { db, ask, jobs } = await open(t)
  const sub = await person(ask, 'person')
  await client(ask, 'app', 'back')
  const [id] = (await sessions(ask, sub)) as [SessionId]
  await grants(ask, sub, id, 'app')
  await t.rejects(
    inTransaction(db, async (tx) => {
      await tx.query({ text: 'UPDATE sessions SET ended_at = now() WHERE id = $1', values: [id] })
      throw new Error('rolled back')
    }),
    { message: 'rolled back' },
  )
  t.same(await jobs(), [])
})

t.test('a thousand sessions end in small transactions, and each tells each of its clients once', async (t) => {
  const { db, ask, jobs } = await open(t)
  const sub = await person(ask, 'person')
  for (const id of ['a', 'b', 'c']) await client(ask, id, 'back')
  const ids = await sessions(ask, sub, 1_000)
  await ask(
    `INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr)
     SELECT concat_ws('-', session_id, client_id), client_id, $1, session_id, '{openid}', '{}', now(), 'aal1', '{pwd}'
     FROM unnest($2::bigint[]) AS session_id CROSS JOIN unnest('{a,b,c}'::text[]) AS client_id`,
    [sub, ids],
  )
  // As a change of the password does it.
  const { left } = await inTransaction(db, async (tx: Queryable) => {
    const epoch = await endAllSessions(tx, sub)
    return decideEnding(tx, { kind: 'sessions', reason: 'signed_out', sub, epoch })
  })
  t.equal(left, true)
  t.equal((await jobs()).length, 150, 'the transaction that somebody waits for ends fifty of them')
  await untilNothingIsLeft('rows of sessions', async () => {
    await ask('UPDATE endings SET due_at = now() WHERE followed_at IS NULL')
    return endNextBatch(db)
  })
  const queued = await jobs()
  t.equal(queued.length, 3_000)
  t.equal(new Set(queued.map(({ client, session }) => `${client} ${session}`)).size, 3_000)
})

t.test('somebody who has opened grants of very many clients in one session can sign out', async (t) => {
  const { db, ask, jobs } = await open(t)
  const sub = await person(ask, 'person')
  const [id] = (await sessions(ask, sub)) as [SessionId]
  await ask(
    `INSERT INTO clients (client_id, client_name, grant_types, response_types, scope, token_endpoint_auth_method, id_token_signed_response_alg, refresh_token_rotation, backchannel_logout_uri)
     SELECT 'client ' || n, 'x', '{}', '{}', '{}', 'none', 'ES256', true, 'https://app.example/' FROM generate_series(1, 300) AS n`,
  )
  await ask(
    `INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr)
     SELECT client_id, client_id, $1, $2, '{openid}', '{}', now(), 'aal1', '{pwd}' FROM clients`,
    [sub, id],
  )
  await ask(
    `UPDATE clients SET self_registered = client_id > 'client 1', frontchannel_logout_uri = 'https://app.example/'`,
  )
  const front = await findFrontChannelClients(db, id)
  t.same([front.length, front[0]?.client_id], [50, 'client 1'])
  await end(ask, id)
  const queued = await jobs()
  t.equal(queued.length, 200)
  t.ok(
    queued.some(({ client }) => client === 'client 1'),
    'not displaced by clients that nobody vouches for',
  )

  // Those without a URI do not count.
  const [next] = (await sessions(ask, await person(ask, 'other'))) as [SessionId]
  await client(ask, 'zzz', 'back')
  await ask(`UPDATE clients SET backchannel_logout_uri = NULL WHERE client_id <> 'zzz'`)
  await ask(
    `INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr)
     SELECT 'other ' || client_id, client_id, 'other', $1, '{openid}', '{}', now(), 'aal1', '{pwd}' FROM clients`,
    [next],
  )
  await end(ask, next)
  t.same(
    (await jobs()).filter(({ session }) => session === next),
    [{ client: 'zzz', session: next, priority: 0 }],
  )
})

t.test('a notice is tried as often as any other job', async (t) => {
  const { db, ask, schema } = await open(t)
  const sub = await person(ask, 'person')
  await client(ask, 'app', 'back')
  const [id] = (await sessions(ask, sub)) as [SessionId]
  await grants(ask, sub, id, 'app')
  await end(ask, id)
  await addJob(db, 'another', {})
  const rows = await ask<{ max_attempts: number }>(`SELECT DISTINCT max_attempts FROM ${schema}_jobs._private_jobs`)
  t.equal(rows.length, 1)
})

t.test('the clients of a session are found without reading each of its grants', async (t) => {
  const { ask } = await open(t)
  const sub = await person(ask, 'person')
  const [id] = (await sessions(ask, sub)) as [SessionId]
  for (const one of ['a', 'b', 'c']) await client(ask, one, 'back')
  await grants(ask, sub, id, 'a')
  await grants(ask, sub, id, 'b', 5_000)
  await grants(ask, sub, id, 'c')
  await ask('ANALYZE grants')
  const [row] = await ask<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    'EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM clients_of_session($1)',
    [id],
  )
  const nodes = nodesOf(row!['QUERY PLAN'][0].Plan).filter((node) => node['Relation Name'] === 'grants')
  t.ok(nodes.length > 0, 'the function is part of the plan')
  for (const node of nodes)
    t.match(node, { 'Index Name': 'grants_open_of_session_idx', 'Rows Removed by Filter': undefined })
  // PostgreSQL rounds the rows of each loop.
  t.equal(Math.round(nodes.reduce((sum, node) => sum + node['Actual Rows'] * node['Actual Loops'], 0)), 3)
})

interface PlanNode {
  readonly 'Relation Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly Plans?: readonly PlanNode[]
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}
