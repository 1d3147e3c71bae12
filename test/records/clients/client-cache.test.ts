import t from 'tap'
import { deleteClient } from '../../../src/operations/client-registration.ts'
import { revokeClientSecret, rotateClientSecret } from '../../../src/operations/client-secrets.ts'
import { revokeGrantsOfClient } from '../../../src/operations/revoke-grants.ts'
import type { Queryable } from '../../../src/platform/database/queryable.ts'
import { digest, randomText } from '../../../src/platform/secrets/digest.ts'
import { usesSecret } from '../../../src/records/clients/client.ts'
import { createClientCache } from '../../../src/records/clients/client-cache.ts'
import {
  addClientSecret,
  deleteClientSecret,
  deleteClientSecrets,
  listClientSecrets,
} from '../../../src/records/clients/client-secrets-store.ts'
import { lockClient } from '../../../src/records/clients/clients-store.ts'
import { findGrant, openStandingGrant } from '../../../src/records/grants/grants-store.ts'
import type { ClientId, GrantId } from '../../../src/records/ids.ts'
import { eventually } from '../../support/eventually.ts'
import { basic, type Idp, startSignet, type TestClient } from '../../support/idp.ts'

const ask = async (idp: Idp, client: TestClient, secret = client.secret) =>
  (await idp.token({ ...client, secret }, { grant_type: 'client_credentials' })).status

const machine = { grant_types: ['client_credentials'], scope: '' } as const
const operator = { kind: 'operator', by: 'operator@host' } as const

async function rotate({ signet }: Idp, client: TestClient, old: 'newest kept' | 'revoked') {
  const rotated = await rotateClientSecret(signet, operator, client.client_id, old)
  if (typeof rotated === 'string' || 'usesNoSecret' in rotated) throw new Error('The client has a secret.')
  return rotated
}

async function introspect(idp: Idp, client: TestClient, secret: string | undefined, token: string) {
  const response = await fetch(`http://127.0.0.1:${idp.signet.settings.port}/introspect`, {
    method: 'POST',
    headers: { authorization: basic(client.client_id, secret ?? '') },
    body: new URLSearchParams({ token }),
  })
  return response.json()
}

async function eventsOf(db: Queryable, client: TestClient) {
  const text =
    "SELECT type, detail - 'by' AS detail FROM events WHERE client_id = $1 AND type ~ 'secret|ended' ORDER BY type, id"
  return (await db.query({ text, values: [client.client_id] })).rows
}

t.test('a change of a client takes effect at every node, even if both have it in memory', async (t) => {
  const idp = await startSignet(t)
  const other = await idp.another()
  const { database } = idp.signet
  const client = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
  const inMemory = ({ signet }: Idp) => signet.clients.cached(client.client_id) !== undefined
  const remember = (node: Idp) =>
    eventually('the client to be in memory', async () => (await ask(node, client)) === 200 && inMemory(node))

  for (const node of [idp, other]) await remember(node)
  const grants = await database.query('SELECT FROM grants WHERE client_id = $1', [client.client_id])
  t.equal(grants.rowCount, 1, 'one standing grant for both')

  t.test('a new secret is valid immediately', async (t) => {
    const secret = randomText(32)
    await addClientSecret(database, client.client_id, { digest: digest(secret), sealed: undefined })
    t.equal(await ask(other, client, secret), 200)
    t.equal(await ask(other, client), 200, 'and so is the previous one')
  })

  t.test('a removed secret is rejected', async (t) => {
    await remember(other)
    await addClientSecret(database, client.client_id, { digest: digest(randomText(32)), sealed: undefined })
    await eventually(
      'the old secret to be refused',
      () => ask(other, client),
      (status) => status === 401,
    )
    t.equal(await ask(idp, client), 401)
  })

  t.test(
    'secrets revoked by a rotation are rejected at every node, and the grants that they had opened end',
    async (t) => {
      const fresh = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
      const second = await rotate(idp, fresh, 'newest kept')
      const live = [fresh.secret, second.secret]
      const issued: string[] = []
      for (const node of [idp, other])
        for (const secret of live) {
          const got = await node.token({ ...fresh, secret }, { grant_type: 'client_credentials' })
          issued.push(got.body.access_token)
        }
      for (const node of [idp, other])
        await eventually('the client to be in memory', async () => {
          await ask(node, fresh)
          const known = node.signet.clients.cached(fresh.client_id)
          return known && usesSecret(known) && known.secrets.every(({ standingGrant }) => standingGrant)
        })
      const third = await rotate(idp, fresh, 'revoked')
      t.same(third.revoked, { secrets: 2, grants: 2 })
      for (const node of [idp, other]) {
        t.equal(await ask(node, fresh, third.secret), 200, 'the new one is valid immediately')
        for (const secret of live)
          await eventually(
            'an old secret to be refused',
            () => ask(node, fresh, secret),
            (status) => status === 401,
          )
      }
      for (const token of issued)
        for (const node of [idp, other]) t.same(await introspect(node, fresh, third.secret, token), { active: false })
      t.same(await eventsOf(database, fresh), [
        { type: 'client_secret_rotated', detail: {} },
        { type: 'client_secret_rotated', detail: { secrets_revoked: 2, grants_ended: 2 } },
        { type: 'grant_ended', detail: { reason: 'client_secret_revoked' } },
        { type: 'grant_ended', detail: { reason: 'client_secret_revoked' } },
      ])
    },
  )

  t.test('one of two secrets can be revoked, even the newer one, but not the only one', async (t) => {
    const fresh = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
    const { secret: newer } = await rotate(idp, fresh, 'newest kept')
    t.equal(await ask(other, fresh, newer), 200)
    const [first, second] = await listClientSecrets(database, fresh.client_id)
    t.match([first?.standingGrant, second?.standingGrant], [undefined, String])
    const revoke = (id = 0) => revokeClientSecret(idp.signet, operator, fresh.client_id, id)
    const elsewhere = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
    const [notTheirs] = await listClientSecrets(database, elsewhere.client_id)
    t.equal(await revoke(notTheirs?.id), 'no_such_secret', 'a secret of another client is not found')
    t.same(await revoke(second?.id), { grants: 1 })
    await eventually(
      'the secret to be refused',
      () => ask(other, fresh, newer),
      (status) => status === 401,
    )
    t.equal(await ask(other, fresh), 200)
    t.equal(await revoke(second?.id), 'no_such_secret')
    t.equal(await revoke(first?.id), 'only_secret')
    t.equal(await revokeClientSecret(idp.signet, operator, 'client_none' as ClientId, 1), 'no_such_client')
    t.equal(await ask(idp, fresh), 200)
  })

  t.test('a standing grant that is being opened with a secret ends with it', async (t) => {
    const fresh = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
    const [secret] = await listClientSecrets(database, fresh.client_id)
    const opening = await database.connect()
    await opening.query({ text: 'BEGIN' })
    const grant = {
      id: randomText(16) as GrantId,
      clientId: fresh.client_id,
      secretId: secret?.id,
      scopes: [],
      resources: [],
    }
    t.equal(await openStandingGrant(opening, grant), grant.id)
    const rotated = rotate(idp, fresh, 'revoked')
    const waiting =
      "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM clients%FOR UPDATE%'"
    await eventually('the rotation to wait', async () => (await database.query({ text: waiting })).rowCount === 1)
    await opening.query({ text: 'COMMIT' })
    opening.release()
    t.same((await rotated).revoked, { secrets: 1, grants: 1 })
    t.match(await findGrant(database, grant.id), { endReason: 'client_secret_revoked' })
  })

  t.test(
    'an operator who removes secrets and a client that makes its first request never wait for each other',
    async (t) => {
      const fresh = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
      const [secret] = await listClientSecrets(database, fresh.client_id)
      const grant = {
        id: randomText(16) as GrantId,
        clientId: fresh.client_id,
        secretId: secret?.id,
        scopes: [],
        resources: [],
      }
      const replace = (tx: Queryable) =>
        addClientSecret(tx, fresh.client_id, { digest: digest(randomText(32)), sealed: undefined }, 'revoked')
      for (const [takeAway, end, outcome] of [
        [(tx) => deleteClientSecret(tx, fresh.client_id, secret?.id ?? 0), 'ROLLBACK', grant.id],
        [(tx) => deleteClientSecrets(tx, fresh.client_id), 'ROLLBACK', grant.id],
        [replace, 'ROLLBACK', grant.id],
        [replace, 'COMMIT', undefined],
      ] as [(tx: Queryable) => Promise<unknown>, string, string | undefined][]) {
        const taking = await database.connect()
        await taking.query({ text: 'BEGIN' })
        const { pid } = (await taking.query('SELECT pg_backend_pid() AS pid')).rows[0]
        await lockClient(taking, fresh.client_id)
        const opened = openStandingGrant(database, grant).catch((error: Error) => error.message)
        const waiting = 'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
        await eventually('the request to wait', async () => (await database.query(waiting, [pid])).rowCount === 1)
        const fault = await takeAway(taking).then(
          () => undefined,
          (error: Error) => error.message,
        )
        await taking.query({ text: end })
        taking.release()
        t.equal(fault, undefined, 'no deadlock')
        t.equal(await opened, outcome, 'it opens a grant only if the secret was kept')
        await database.query('DELETE FROM grants WHERE id = $1', [grant.id])
      }
    },
  )

  t.test('standing grants of a client end with all its others, and the next request opens a new one', async (t) => {
    const fresh = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
    const { sub } = await idp.person()
    // More than the transaction of the decision updates, and no other process updates rows here.
    await database.query(
      `INSERT INTO grants (id, client_id, sub, scopes, resources)
       SELECT $1 || n, $1, $2, '{openid}', '{}' FROM generate_series(1, 200) AS n`,
      [fresh.client_id, sub],
    )
    const before = (await other.token(fresh, { grant_type: 'client_credentials' })).body.access_token as string
    t.match(await revokeGrantsOfClient(idp.signet, operator, fresh.client_id), { grants: 101, left: true })
    t.same(await introspect(other, fresh, fresh.secret, before), { active: false })
    await eventually('a token on a new grant', async () => {
      const { body } = await other.token(fresh, { grant_type: 'client_credentials' })
      return (await introspect(other, fresh, fresh.secret, body.access_token)).active
    })
    const { rows } = await database.query(
      'SELECT client_epoch FROM grants WHERE client_id = $1 AND ended_at IS NULL AND sub IS NULL',
      [fresh.client_id],
    )
    t.same(rows, [{ client_epoch: 1 }])
  })

  t.test('an ended standing grant is not used again', async (t) => {
    const fresh = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
    await eventually(
      'the client to be in memory',
      async () => (await ask(other, fresh)) === 200 && other.signet.clients.cached(fresh.client_id) !== undefined,
    )
    await database.query(
      "UPDATE grants SET ended_at = now(), end_reason = 'revoked_by_operator' WHERE client_id = $1",
      [fresh.client_id],
    )
    await eventually('the node to be notified', () => other.signet.clients.cached(fresh.client_id) === undefined)
    t.equal(await ask(other, fresh), 200)
    const { rows } = await database.query<{ alive: number }>(
      'SELECT count(*) FILTER (WHERE ended_at IS NULL) AS alive FROM grants WHERE client_id = $1',
      [fresh.client_id],
    )
    t.same(rows, [{ alive: 1 }], 'a new one was opened')
  })

  t.test(
    'a node that has lost its listener serves the clients it knows, and forgets them when it listens again',
    async (t) => {
      const fresh = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
      const known = () => other.signet.clients.cached(fresh.client_id)
      await eventually(
        'the client to be in memory',
        async () => (await ask(other, fresh)) === 200 && known() !== undefined,
      )
      const before = known()
      const { rowCount } = await database.query(endListeners, [`signet listener ${idp.signet.settings.databaseSchema}`])
      t.equal(rowCount, 2, 'the listeners of both nodes')
      // The node has lost it when it replaces its other connections.
      await eventually('the node to notice', () => other.logged().includes('Replacing all database connections.'))
      t.ok(known() === before || known() === undefined, 'it is the same one, unless the node listens again already')
      t.equal(await ask(other, fresh), 200)
      await eventually('the node to listen again', () => known() !== before)
      await eventually(
        'the client to be in memory again',
        async () => (await ask(other, fresh)) === 200 && known() !== undefined,
      )
      await deleteClient(idp.signet, { kind: 'operator', by: 'test' }, fresh.client_id)
      await eventually(
        'the deleted client to be refused',
        () => ask(other, fresh),
        (status) => status === 401,
      )
      t.pass('notifications arrive again')
    },
  )
})

const endListeners =
  'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = left($1, 63)'

const rowOf = (clientId: string) => ({
  rows: [{ client: { client_id: clientId, secrets: [], allowed: [], standing_grant: null } }],
})

/** A database that answers when the test says so. */
function slowDatabase() {
  const answers: { client: string; resolve: (result: unknown) => void; reject: (error: Error) => void }[] = []
  let reads = 0
  const db = {
    query: ({ values }: { values: unknown[] }) =>
      new Promise((resolve, reject) => {
        reads++
        answers.push({ client: String(values[0]), resolve, reject })
      }),
  } as unknown as Queryable
  return {
    db,
    reads: () => reads,
    answer: () => {
      const next = answers.shift()
      next?.resolve(rowOf(next.client))
    },
    fail: (error: Error) => answers.shift()?.reject(error),
  }
}

t.test('a thousand wrong secrets at the same moment cost two reads, not a thousand', async (t) => {
  const { db, reads, answer } = slowDatabase()
  const clients = createClientCache(db, () => false)
  const all = Promise.all(Array.from({ length: 1_000 }, () => clients.read('a')))
  const another = clients.read('b')
  t.equal(reads(), 2, 'one for each client')
  answer()
  answer()
  await another
  await eventually('the second read', reads, (count) => count === 3)
  answer()
  t.match(await all, { length: 1_000, 999: { client_id: 'a' } })
  t.equal(reads(), 3)
})

t.test('a read that began before a call does not answer it: a new secret works immediately', async (t) => {
  const { db, reads, answer } = slowDatabase()
  const clients = createClientCache(db, () => true)
  const before = clients.read('a')
  let isAnswered = false
  const after = clients.read('a').then((client) => {
    isAnswered = true
    return client
  })
  answer()
  await before
  await eventually('another read', reads, (count) => count === 2)
  t.notOk(isAnswered)
  answer()
  t.match(await after, { client_id: 'a' })
})

t.test('callers that share a read get its error, and do not wait for a second one', async (t) => {
  const { db, reads, answer, fail } = slowDatabase()
  const clients = createClientCache(db, () => true)
  const all = Promise.allSettled([1, 2, 3].map(() => clients.read('a')))
  fail(new Error('The database is away.'))
  t.same(
    (await all).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  t.equal(reads(), 1)
  const later = clients.read('a')
  answer()
  t.match(await later, { client_id: 'a' }, 'the next caller tries again')
})

t.test('no client is served for longer than notifications may be missing', async (t) => {
  const { db, answer } = slowDatabase()
  let isLive = true
  const clients = createClientCache(db, () => isLive)
  const read = clients.read('a')
  answer()
  await read
  t.match(clients.cached('a'), { client_id: 'a' })
  isLive = false
  t.equal(clients.cached('a'), undefined)
  const unlisted = clients.read('b')
  answer()
  await unlisted
  isLive = true
  t.equal(clients.cached('b'), undefined, 'what was read meanwhile may have changed unnoticed')
})

t.test('a client that changes while it is read is not kept in memory', async (t) => {
  let answer = (_: unknown) => {}
  const db = { query: () => new Promise((resolve) => (answer = resolve)) } as unknown as Queryable
  const clients = createClientCache(db, () => true)
  const row = { rows: [{ client: { client_id: 'a', secrets: [], allowed: [], standing_grant: null } }] }
  const first = clients.read('a')
  clients.clear()
  answer(row)
  t.match(await first, { client_id: 'a' }, 'the caller gets it')
  t.equal(clients.cached('a'), undefined)
  const second = clients.read('a')
  answer(row)
  await second
  t.match(clients.cached('a'), { client_id: 'a' })
  clients.clear()
  t.equal(clients.cached('a'), undefined)
})
