import t from 'tap'
import { changeClient, deleteClient, registerClient } from '../../src/operations/client-registration.ts'
import { importClient } from '../../src/operations/import-client.ts'
import { changeResource, deleteResource, registerResource } from '../../src/operations/resource-registration.ts'
import { findClient } from '../../src/records/clients/clients-store.ts'
import type { ClientId } from '../../src/records/ids.ts'
import type { Resource } from '../../src/records/resources/resource.ts'
import { findResource } from '../../src/records/resources/resources-store.ts'
import { startSignet } from '../support/idp.ts'

/** Operations on clients and on resources, which refer to each other. */

const { signet, client } = await startSignet(t)
const { database } = signet
const operator = { kind: 'operator', by: 'test@here' } as const
const query = async (text: string, values: unknown[] = []) => (await database.query({ text, values })).rows
const eventsSince = async (id: number) =>
  (await query('SELECT type FROM events WHERE id > $1 ORDER BY id', [id])).map(({ type }) => type)
const newestEvent = async () => Number((await query('SELECT coalesce(max(id), 0) AS id FROM events'))[0].id)

const resource = (identifier: string, more: Partial<Resource> = {}): Resource => ({
  ...{ identifier, name: undefined, scopes: [], scopeDescriptions: [], accessTokenTtl: undefined },
  ...{
    accessTokenSigningAlg: 'ES256',
    servedBy: [],
    userinfoAudience: false,
    groupsClaim: false,
    selfRegisteredClients: false,
    ...more,
  },
})
const web = (more: Record<string, unknown> = {}) => ({
  client_name: 'App',
  redirect_uris: ['https://app.example/callback'],
  ...more,
})

t.test('of two concurrent registrations of one identifier or one scope, one succeeds', async (t) => {
  const same = resource('https://same.example', { scopes: ['same:read'] })
  const [one, other] = await Promise.all([
    registerResource(signet, operator, same),
    registerResource(signet, operator, same),
  ])
  t.same([one.outcome, other.outcome].sort(), ['identifier_taken', 'registered'])

  const claims = await Promise.allSettled(
    ['https://one.example', 'https://two.example'].map((identifier) =>
      registerResource(signet, operator, resource(identifier, { scopes: ['wanted:read'] })),
    ),
  )
  t.same(claims.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  t.match(
    claims.find(({ status }) => status === 'rejected'),
    { reason: { name: 'InvalidResource', message: /belongs to https:\/\/(one|two)\.example/ } },
  )
  t.equal((await query(`SELECT FROM resource_scopes WHERE scope = 'wanted:read'`)).length, 1)
})

t.test('a client that is registered while its scope is deleted does not keep the scope', async (t) => {
  for (let n = 0; n < 5; n++) {
    const identifier = `https://going-${n}.example`
    const scope = `going-${n}:read`
    await registerResource(signet, operator, resource(identifier, { scopes: [scope] }))
    const [registered] = await Promise.allSettled([
      registerClient(signet, operator, web({ scope: `openid ${scope}` })),
      deleteResource(signet, operator, identifier),
    ])
    if (registered.status === 'rejected') t.match(registered.reason, { name: 'InvalidClientMetadata' })
    else t.equal((await findClient(database, registered.value.client.client_id))?.scope, 'openid')
    t.same(await query('SELECT FROM clients WHERE string_to_array(scope, $1) @> ARRAY[$2]', [' ', scope]), [])
  }
})

t.test('a public or unknown client cannot serve a resource, and then nothing is saved', async (t) => {
  const open = await client({ token_endpoint_auth_method: 'none' })
  const identifier = 'https://served.example'
  const before = await newestEvent()
  const attempts = { public_client: open.client_id, no_such_client: 'client_none' }
  for (const [outcome, clientId] of Object.entries(attempts))
    t.same(await registerResource(signet, operator, resource(identifier, { servedBy: [clientId] })), {
      outcome,
      clientId,
    })
  t.equal(await findResource(database, identifier), undefined)
  t.same(await eventsSince(before), [])

  await registerResource(signet, operator, resource(identifier, { scopes: ['served:read'] }))
  const registered = await newestEvent()
  const changed = await changeResource(signet, operator, identifier, () => ({
    ...{ scopes: [], servedBy: [open.client_id] },
  }))
  t.same(changed, { outcome: 'public_client', clientId: open.client_id })
  t.match(await findResource(database, identifier), { scopes: ['served:read'], servedBy: [] })
  t.same(await eventsSince(registered), [])
})

t.test('updating or deleting what does not exist records no event', async (t) => {
  const before = await newestEvent()
  t.same(await changeResource(signet, operator, 'https://no.example', () => ({ name: 'No' })), {
    outcome: 'no_such_resource',
  })
  t.equal(await deleteResource(signet, operator, 'https://no.example'), 'no_such_resource')
  t.equal(await changeClient(signet, operator, 'client_none' as ClientId, { client_name: 'No' }), 'no_such_client')
  t.equal(await deleteClient(signet, operator, 'client_none' as ClientId), 'no_such_client')
  const { client: gone } = await registerClient(signet, operator, web())
  t.equal(await deleteClient(signet, operator, gone.client_id), 'deleted')
  t.equal(await changeClient(signet, operator, gone.client_id, { client_name: 'Back' }), 'no_such_client')
  t.same(await eventsSince(before), ['client_created', 'client_deleted'])
})

t.test('null removes a value of a resource, and omitted values are kept', async (t) => {
  const identifier = 'https://changing.example'
  const scopeDescriptions = [
    { scope: 'changing:read', language: undefined, text: 'Read' },
    { scope: 'changing:write', language: undefined, text: 'Write' },
  ]
  const scopes = ['changing:read', 'changing:write']
  const full = resource(identifier, { name: 'Changing', accessTokenTtl: 60, scopes, scopeDescriptions })
  await registerResource(signet, operator, full)
  const { client: user } = await registerClient(signet, operator, web({ scope: 'openid changing:write' }))
  t.match(await changeResource(signet, operator, identifier, () => ({ accessTokenTtl: 90 })), {
    outcome: 'changed',
    resource: { ...full, accessTokenTtl: 90 },
    clients: [],
  })
  const less = { name: null, accessTokenTtl: null, scopes: ['changing:read'] }
  t.same(await changeResource(signet, operator, identifier, () => less), {
    outcome: 'changed',
    resource: resource(identifier, { scopes: ['changing:read'], scopeDescriptions: scopeDescriptions.slice(0, 1) }),
    clients: [user.client_id],
  })
  t.equal((await findClient(database, user.client_id))?.scope, 'openid')
})

t.test(
  'of two concurrent changes to a resource, the later one is computed from the result of the earlier one',
  async (t) => {
    const identifier = 'https://twice.example'
    await registerResource(signet, operator, resource(identifier, { scopes: ['twice:0'] }))
    const add = (scope: string) =>
      changeResource(signet, operator, identifier, ({ scopes }) => ({ scopes: [...scopes, scope] }))
    await Promise.all([add('twice:1'), add('twice:2'), add('twice:3')])
    t.same(
      [...((await findResource(database, identifier))?.scopes ?? [])].sort(),
      [0, 1, 2, 3].map((n) => `twice:${n}`),
    )
  },
)

t.test('a client that starts to use a secret gets one, and a client that stops using one loses all', async (t) => {
  const { client: app, secret } = await registerClient(signet, operator, web({ token_endpoint_auth_method: 'none' }))
  t.equal(secret, undefined)
  const confidential = { token_endpoint_auth_method: 'client_secret_basic' }
  const changed = await changeClient(signet, operator, app.client_id, confidential)
  t.match(changed, { client: { ...confidential, client_id: app.client_id }, secret: /^[\w-]{43}$/ })
  const secrets = () => query('SELECT FROM client_secrets WHERE client_id = $1', [app.client_id])
  t.equal((await secrets()).length, 1)
  t.match(await changeClient(signet, operator, app.client_id, { client_name: 'Renamed' }), { secret: undefined })
  await changeClient(signet, operator, app.client_id, { token_endpoint_auth_method: 'none' })
  t.equal((await secrets()).length, 0)
})

t.test('no more than fifty resources are open to clients that registered themselves', async (t) => {
  await query(
    `INSERT INTO resources (identifier, self_registered_clients) SELECT 'https://open-' || n || '.example', true FROM generate_series(1, 50) AS n`,
  )
  const open = { selfRegisteredClients: true }
  await t.rejects(registerResource(signet, operator, resource('https://open-51.example', open)), /No more than 50/)
  const first = 'https://open-1.example'
  t.match(await changeResource(signet, operator, first, () => open), { outcome: 'changed' }, 'one that is open already')
  await changeResource(signet, operator, first, () => ({ selfRegisteredClients: false }))
  t.match(await registerResource(signet, operator, resource('https://open-51.example', open)), {
    outcome: 'registered',
  })
})

t.test(
  'no client becomes pairwise while a node of the previous release runs, which would tell it the own sub',
  async (t) => {
    const pairwise = web({ subject_type: 'pairwise' })
    const register = (input: Record<string, unknown>) => registerClient(signet, operator, input)
    const before = (await register(pairwise)).client
    const open = (await register(web())).client
    const importing = (clientId: string, metadata: Record<string, unknown>) =>
      importClient(
        signet,
        operator,
        { clientId, metadata, secrets: [], unknownScopes: 'refused' },
        { source: 'test', dryRun: false, allowShortSecrets: false },
      )
    // As the previous release inserts it.
    await query(`INSERT INTO nodes (id, rereads_secrets) VALUES ('previous', true)`)
    t.teardown(() => query(`DELETE FROM nodes WHERE id = 'previous'`))
    const refused = { name: 'InvalidClientMetadata', message: /earlier release/ }
    await t.rejects(register(pairwise), refused)
    await t.rejects(changeClient(signet, operator, open.client_id, { subject_type: 'pairwise' }), refused)
    await t.rejects(importing('imported-pairwise', pairwise), refused)
    t.equal((await findClient(database, open.client_id))?.subject_type, 'public')
    // Everything else goes on.
    t.match(await changeClient(signet, operator, before.client_id, { client_name: 'Other' }), {
      client: { client_name: 'Other' },
    })
    t.match(await importing('imported-public', web()), { outcome: 'imported' })

    await query(`UPDATE nodes SET seen_at = clock_timestamp() - interval '2 minutes' WHERE id = 'previous'`)
    t.match(await changeClient(signet, operator, open.client_id, { subject_type: 'pairwise' }), {
      subjectsChanged: true,
    })
  },
)
