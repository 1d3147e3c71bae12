import t from 'tap'
import { deleteClient } from '../../../src/operations/delete-client.ts'
import type { Queryable } from '../../../src/platform/database/queryable.ts'
import { digest, randomText } from '../../../src/platform/secrets/digest.ts'
import { addClientSecret } from '../../../src/records/clients/clients-store.ts'
import { createKnownClients } from '../../../src/records/clients/known-clients.ts'
import { eventually } from '../../support/eventually.ts'
import { type Idp, startSignet, type TestClient } from '../../support/idp.ts'

const ask = async (idp: Idp, client: TestClient, secret = client.secret) =>
  (await idp.token({ ...client, secret }, { grant_type: 'client_credentials' })).status

const machine = { grant_types: ['client_credentials'], scope: '' } as const

t.test('what changes a client is known at every node, though both have it in memory', async (t) => {
  const idp = await startSignet(t)
  const other = await idp.another()
  const { database } = idp.signet
  const client = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
  const inMemory = ({ signet }: Idp) => signet.clients.known(client.client_id) !== undefined
  const remember = (node: Idp) =>
    eventually('the client to be in memory', async () => (await ask(node, client)) === 200 && inMemory(node))

  for (const node of [idp, other]) await remember(node)
  const grants = await database.query('SELECT FROM grants WHERE client_id = $1', [client.client_id])
  t.equal(grants.rowCount, 1, 'one standing grant for both')

  t.test('a secret that has just been made is good at once', async (t) => {
    const secret = randomText(32)
    await addClientSecret(database, client.client_id, digest(secret))
    t.equal(await ask(other, client, secret), 200)
    t.equal(await ask(other, client), 200, 'and so is the one before')
  })

  t.test('a secret that was taken away is refused', async (t) => {
    await remember(other)
    await addClientSecret(database, client.client_id, digest(randomText(32)))
    await eventually(
      'the old secret to be refused',
      () => ask(other, client),
      (status) => status === 401,
    )
    t.equal(await ask(idp, client), 401)
  })

  t.test('an ended standing grant is not used again', async (t) => {
    const fresh = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
    await eventually(
      'the client to be in memory',
      async () => (await ask(other, fresh)) === 200 && other.signet.clients.known(fresh.client_id) !== undefined,
    )
    await database.query(
      "UPDATE grants SET ended_at = now(), end_reason = 'revoked_by_operator' WHERE client_id = $1",
      [fresh.client_id],
    )
    await eventually('the node to hear of it', () => other.signet.clients.known(fresh.client_id) === undefined)
    t.equal(await ask(other, fresh), 200)
    const { rows } = await database.query<{ alive: number }>(
      'SELECT count(*) FILTER (WHERE ended_at IS NULL) AS alive FROM grants WHERE client_id = $1',
      [fresh.client_id],
    )
    t.same(rows, [{ alive: 1 }], 'a new one was opened')
  })

  t.test('a node that is cut off trusts nothing in memory until it hears again', async (t) => {
    const fresh = await idp.client({ ...machine, grant_types: [...machine.grant_types] })
    const known = () => other.signet.clients.known(fresh.client_id) !== undefined
    await eventually('the client to be in memory', async () => (await ask(other, fresh)) === 200 && known())
    const { rowCount } = await database.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = left($1, 63)',
      [`signet listener ${idp.signet.settings.databaseSchema}`],
    )
    t.equal(rowCount, 2, 'the listeners of both nodes')
    await eventually('the node to notice that it is cut off', () => !known())
    t.equal(await ask(other, fresh), 200, 'it is read from the database')
    await eventually('the client to be in memory again', async () => (await ask(other, fresh)) === 200 && known())
    await deleteClient(idp.signet, { kind: 'operator', by: 'test' }, fresh.client_id)
    await eventually(
      'the deleted client to be refused',
      () => ask(other, fresh),
      (status) => status === 401,
    )
    t.pass('and hears again')
  })
})

t.test('a client that changes while it is read is not kept', async (t) => {
  let answer = (_: unknown) => {}
  const db = { query: () => new Promise((resolve) => (answer = resolve)) } as unknown as Queryable
  const clients = createKnownClients(db, () => true)
  const row = { rows: [{ client: { client_id: 'a', secrets: [], allowed: [], standing_grant: null } }] }
  const first = clients.read('a')
  clients.forget()
  answer(row)
  t.match(await first, { client_id: 'a' }, 'who asked has it')
  t.equal(clients.known('a'), undefined)
  const second = clients.read('a')
  answer(row)
  await second
  t.match(clients.known('a'), { client_id: 'a' })
  clients.forget()
  t.equal(clients.known('a'), undefined)
})
