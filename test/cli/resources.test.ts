import t from 'tap'
import { openConsole } from './console.ts'

const { signet, json, database } = await openConsole(t, { SIGNET_ISSUER: 'http://localhost:4321' })

const create = ['resources', 'create', '--identifier']

t.test('a resource that cannot be registered is a usage error, and nothing is registered', async (t) => {
  const good = 'https://good.example'
  const cases: [string[], RegExp][] = [
    [[...create, ''], /--identifier <uri>.*It must not be empty/],
    [[...create, 'api'], /absolute URI/],
    [[...create, '/api'], /absolute URI/],
    [[...create, '__proto__'], /absolute URI/],
    [[...create, 'https://api.example#fragment'], /without a fragment/],
    [[...create, 'https://api.example/a b'], /absolute URI/],
    [[...create, "https://api.example/'); DROP TABLE resources;--"], /absolute URI/],
    [[...create, 'https://api.example/\u001b[2J'], /absolute URI/],
    [[...create, 'https://аpi.example'], /absolute URI/], // the first letter of the host is Cyrillic
    [[...create, `https://api.example/${'x'.repeat(8192)}`], /longer than 2000/],
    [[...create, 'https://'], /not a valid URL/],
    [[...create, 'https://user:password@api.example'], /user name/],
    [[...create, 'HTTPS://api.example'], /usual form/],
    [[...create, 'https://API.example'], /usual form/],
    [[...create, 'https://api.example:443'], /usual form/],
    [[...create, 'https://api.example.'], /usual form/],
    [[...create, 'https://*.example'], /usual form/],
    [[...create, 'http://localhost:4321'], /issuer itself/],
    [[...create, 'http://localhost:4321/'], /issuer itself/],
    [[...create, good, '--scope', 'openid'], /reserved for OpenID Connect/],
    [[...create, good, '--scope', 'read offline_access'], /reserved for OpenID Connect/],
    [[...create, good, '--scope', 'groups'], /belongs to Signet itself/],
    [[...create, good, '--scope', 'roles'], /belongs to Signet itself/],
    [[...create, good, '--scope', 'caf\u00e9'], /not a scope/],
    [[...create, good, '--scope', 'a"b'], /not a scope/],
    [[...create, good, '--scope', 's'.repeat(8192)], /not a scope/],
    [[...create, good, '--scope', Array.from({ length: 101 }, (_, n) => `s${n}`).join(' ')], /more than 100/],
    [[...create, good, '--name', 'n'.repeat(8192)], /The name/],
    [[...create, good, '--name', 'A\u202ename'], /The name/],
    [
      [...create, good, '--scope', 'read', '--scope-description', 'write=change notes'],
      /with a scope of this resource/,
    ],
    [[...create, good, '--scope', 'read', '--scope-description', 'read'], /scope=text/],
    [[...create, good, '--scope', 'read', '--scope-description', 'read='], /1 to 200 characters/],
    [[...create, good, '--scope', 'read', '--scope-description', `read=${'d'.repeat(8192)}`], /1 to 200 characters/],
    [[...create, good, '--scope', 'read', '--scope-description', 'read=see \u202eeverything'], /control characters/],
    [[...create, good, '--scope', 'read', '--scope-description', 'read#d_!=lesen'], /not a language tag/],
    [
      [...create, good, '--scope', 'read', '--scope-description', 'read#de=a', '--scope-description', 'read#DE=b'],
      /two descriptions/,
    ],
    [[...create, good, '--access-token-ttl', '9s'], /from 10s to 365d/],
    [[...create, good, '--access-token-ttl', '366d'], /from 10s to 365d/],
  ]
  for (const [args, message] of cases) {
    const { code, out, err } = await signet(...args)
    t.same({ code, out }, { code: 2, out: '' }, args.slice(3).join(' ').slice(0, 80))
    t.match(err, message)
    t.ok(err.length < 400)
  }
  t.match(await signet('resources', 'list'), { code: 0, out: /^There are no resources yet/ })
  t.same((await database.query({ text: 'SELECT FROM resources' })).rowCount, 0)
  t.same((await database.query({ text: `SELECT FROM events WHERE type LIKE 'resource%'` })).rowCount, 0)
})

t.test('each scope has one owner, and a resource can be created only once', async (t) => {
  const first = await json(...create, 'https://first.example', '--scope', 'first:read')
  t.match(await signet(...create, 'https://first.example', '--scope', 'more'), { code: 1, out: '', err: /already/ })
  t.match(await signet(...create, 'https://thief.example', '--scope', 'first:read'), {
    code: 2,
    out: '',
    err: /belongs to https:\/\/first\.example/,
  })
  t.match(await signet('resources', 'show', 'https://thief.example'), { code: 1, err: /There is no resource/ })
  t.same(await json('resources', 'show', 'https://first.example'), first)
})

t.test('if two commands create the same resource at the same time, one succeeds', async (t) => {
  const answers = await Promise.all(
    ['one', 'two'].map((scope) => signet(...create, 'https://raced.example', '--scope', scope)),
  )
  t.same(answers.map(({ code }) => code).sort(), [0, 1])
})

t.test('each flag sets what it names', async (t) => {
  const { client_id: serving } = await json<{ client_id: string }>(
    'clients',
    'create',
    '--name',
    'The API',
    '--grant-type',
    'client_credentials',
  )
  const resource = await json(
    ...[...create, 'urn:example:api', '--name', 'The API', '--scope', 'api:read api:write', '--scope', 'api:read'],
    ...[
      '--scope-description',
      'api:read=read what the API has',
      '--access-token-ttl',
      '5m',
      '--access-token-signing-alg',
      'RS256',
      '--served-by',
      serving,
      '--served-by',
      serving,
      '--userinfo-audience',
      '--groups-claim',
      '--self-registered-clients',
    ],
  )
  t.same(resource, {
    identifier: 'urn:example:api',
    name: 'The API',
    scopes: ['api:read', 'api:write'],
    scope_descriptions: ['api:read=read what the API has'],
    access_token_ttl: 300,
    access_token_signing_alg: 'RS256',
    served_by: [serving],
    userinfo_audience: true,
    groups_claim: true,
    self_registered_clients: true,
  })
  t.same(await json('resources', 'show', 'urn:example:api'), resource)
  t.match(await json('resources', 'list'), [{}, {}, { identifier: 'urn:example:api' }])
  const { rows } = await database.query({
    text: `SELECT detail FROM events WHERE detail->>'identifier' = 'urn:example:api'`,
  })
  t.match(rows, [
    { detail: { by: String, identifier: 'urn:example:api', scopes: ['api:read', 'api:write'], served_by: [serving] } },
  ])
})

t.test('only a confidential client can serve an API', async (t) => {
  t.match(await signet(...create, 'https://served.example', '--served-by', 'client_none'), {
    code: 1,
    err: /no client/,
  })
  const open = await json<{ client_id: string }>(
    ...[
      'clients',
      'create',
      '--name',
      'App',
      '--token-endpoint-auth-method',
      'none',
      '--redirect-uri',
      'https://a.example/cb',
    ],
  )
  t.match(await signet(...create, 'https://served.example', '--served-by', open.client_id), {
    code: 1,
    err: /is public/,
  })
  t.match(await signet('resources', 'show', 'https://served.example'), { code: 1 })
})

t.test('an update replaces what is given, removes what is given as empty, and keeps the rest', async (t) => {
  const identifier = 'https://updated.example'
  await json(
    ...create,
    identifier,
    '--name',
    'Old',
    '--scope',
    'u:read u:write',
    '--access-token-ttl',
    '5m',
    '--groups-claim',
  )
  t.match(await signet('resources', 'update', identifier, '--scope', 'openid'), { code: 2, out: '' })
  t.match(await signet('resources', 'update', identifier, '--scope', 'first:read'), { code: 2, err: /belongs to/ })
  t.match(await signet('resources', 'update', 'https://none.example', '--name', 'x'), { code: 1, err: /no resource/ })
  const expected = {
    ...{ identifier, scopes: ['u:read', 'u:write'], scope_descriptions: [] },
    ...{ access_token_signing_alg: 'ES256', served_by: [], userinfo_audience: false, groups_claim: true },
    self_registered_clients: false,
  }
  t.same(await json('resources', 'update', identifier, '--name', '', '--access-token-ttl', ''), expected)
  t.same(await json('resources', 'update', identifier, '--name', 'New'), { ...expected, name: 'New' })
  t.match(await json('resources', 'update', identifier, '--no-groups-claim'), { groups_claim: false, name: 'New' })
})

t.test('a scope removed from a resource is removed from its clients: it may later mean something else', async (t) => {
  const identifier = 'https://shrinking.example'
  await json(...create, identifier, '--scope', 'keep drop')
  const { client_id } = await json(
    ...['clients', 'create', '--name', 'Job', '--grant-type', 'client_credentials', '--scope', 'drop keep'],
  )
  const { code, out } = await signet('resources', 'update', identifier, '--scope', 'keep')
  t.equal(code, 0)
  t.match(out, `These clients have lost the removed scopes: ${client_id}`)
  t.match(await json('clients', 'show', String(client_id)), { scope: 'keep', resources: [identifier] })

  await json(...create, 'https://later.example', '--scope', 'drop')
  const renamed = await json('clients', 'update', String(client_id), '--name', 'Renamed')
  t.same(renamed['resources'], [identifier], "an unrelated update does not add the scope's new owner")
})

t.test('a client may use the resources that own its scopes, as long as it has them', async (t) => {
  await json(...create, 'https://scoped.example', '--scope', 'scoped')
  await json(...create, 'https://listed.example', '--scope', 'listed')
  const { client_id } = await json(
    ...['clients', 'create', '--name', 'Job', '--grant-type', 'client_credentials', '--scope', 'scoped'],
    ...['--resource', 'https://listed.example'],
  )
  const update = (...flags: string[]) => json('clients', 'update', String(client_id), ...flags)
  t.match(await update('--name', 'B'), { resources: ['https://listed.example', 'https://scoped.example'] })
  t.match(await update('--scope', ''), { scope: '', resources: ['https://listed.example'] })
  t.match(await update('--scope', 'scoped', '--resource', ''), { resources: ['https://scoped.example'] })
})

t.test('deleting a resource removes it and its scopes from the clients', async (t) => {
  const identifier = 'https://doomed.example'
  await json(...create, identifier, '--scope', 'doomed')
  const { client_id } = await json(
    ...['clients', 'create', '--name', 'App', '--redirect-uri', 'https://app.example/cb', '--scope', 'openid doomed'],
  )
  t.same(await json('resources', 'delete', identifier), { identifier, deleted: true })
  t.match(await json('clients', 'show', String(client_id)), { scope: 'openid', resources: [] })
  t.match(await signet('resources', 'delete', identifier), { code: 1, err: /There is no resource/ })
  const { rows } = await database.query({ text: `SELECT detail FROM events WHERE type = 'resource_deleted'` })
  t.match(rows, [{ detail: { by: String, identifier, clients: [client_id] } }])
})

t.test('a resource used by any number of clients is removed from all of them, with an event each', async (t) => {
  const identifier = 'https://popular.example'
  await json(...create, identifier, '--scope', 'popular:read popular:write')
  const clients = 1_200
  await database.query({
    text: `INSERT INTO clients (client_id, client_name, grant_types, response_types, scope, token_endpoint_auth_method,
             id_token_signed_response_alg, refresh_token_rotation, resources)
           SELECT 'client_popular_' || i, 'Popular', '{}', '{}', 'openid popular:read popular', 'none', 'ES256', true,
             ARRAY[$1, 'https://other.example'] FROM generate_series(1, $2::int) AS i`,
    values: [identifier, clients],
  })
  const { code, out } = await signet('resources', 'delete', identifier)
  t.equal(code, 0)
  t.match(out, / \.\.\. \(1200 in all: signet events list --type client_updated\)\n$/)
  t.ok(out.length < 5_000)
  const { rows } = await database.query({
    text: `SELECT scope, resources, count(*) FROM clients WHERE client_name = 'Popular' GROUP BY scope, resources`,
  })
  t.same(rows, [{ scope: 'openid popular', resources: ['https://other.example'], count: clients }])
  const { rows: events } = await database.query({
    text: `SELECT count(DISTINCT client_id) FROM events
           WHERE type = 'client_updated' AND detail - 'by' = '{"changed": ["scope"], "resource": "https://popular.example"}' AND detail ? 'by'`,
  })
  t.same(events, [{ count: clients }])
  const { rows: deleted } = await database.query<{ detail: { clients: string[] } }>({
    text: `SELECT detail FROM events WHERE type = 'resource_deleted' AND detail ->> 'identifier' = $1`,
    values: [identifier],
  })
  t.match(deleted, [{ detail: { identifier, clients_affected: clients } }])
  t.equal(deleted[0]?.detail.clients.length, 100)
})

t.test('a scope has a description per language, which is deleted with it', async (t) => {
  const identifier = 'https://described.example'
  const given = ['notes:read=read your notes', 'notes:read#de=Ihre Notizen lesen', '__proto__=own the prototype']
  const flags = given.flatMap((description) => ['--scope-description', description])
  const made = await json(...create, identifier, '--scope', 'notes:read notes:read#de __proto__', ...flags)
  t.match(
    made,
    {
      scope_descriptions: [
        'notes:read=read your notes',
        'notes:read#de=Ihre Notizen lesen',
        '__proto__=own the prototype',
      ],
    },
    'the text belongs to the longest scope that is a prefix',
  )
  const stored = await json<{ scope_descriptions: string[] }>('resources', 'show', identifier)
  t.same(stored.scope_descriptions.sort(), given.sort())
  const fewer = await json('resources', 'update', identifier, '--scope', 'notes:read')
  t.match(fewer, { scope_descriptions: ['notes:read=read your notes'] }, 'nothing remains of a deleted scope')
  const replaced = ['--scope-description', 'notes:read#de=alle Notizen lesen']
  t.match(await json('resources', 'update', identifier, ...replaced), {
    scope_descriptions: ['notes:read#de=alle Notizen lesen'],
  })
  t.match(await json('resources', 'update', identifier, '--name', 'Notes'), {
    scope_descriptions: ['notes:read#de=alle Notizen lesen'],
  })
  const none = await json('resources', 'update', identifier, '--scope-description', '')
  t.same((none as { scope_descriptions: string[] }).scope_descriptions, [])
})
