import t from 'tap'
import { digest } from '../../src/platform/secrets/digest.ts'
import { openConsole } from './console.ts'

/* `signet registration-tokens`, and the commands about clients that registered themselves. */
const { signet, signetReading, json, database } = await openConsole(t, { SIGNET_ISSUER: 'http://localhost:4331' })

interface Token {
  token_id: number
  token: string
  state: string
}

t.test('a token is printed once, stored as a digest, listed and revoked', async (t) => {
  const created = await json<Token>(
    'registration-tokens',
    'create',
    '--expires-in',
    '2h',
    '--uses',
    '3',
    '--note',
    'CI',
  )
  t.match(created, { token_id: Number, token: /^[\w-]{43}$/, state: 'usable', uses: 0, max_uses: 3, note: 'CI' })
  const { rows } = await database.query({
    text: 'SELECT digest, expires_at - created_at AS ttl FROM registration_tokens',
  })
  t.match(rows, [{ digest: digest(created.token) }])
  const { token: _, ...listed } = created
  t.same(await json('registration-tokens', 'list'), [listed])
  const text = await signet('registration-tokens', 'list')
  t.notMatch(JSON.stringify(text), created.token)
  t.same(await json('registration-tokens', 'revoke', String(created.token_id)), {
    token_id: created.token_id,
    revoked: true,
  })
  t.same(await json('registration-tokens', 'list'), [])
  const { rows: events } = await database.query({
    text: `SELECT type, detail FROM events WHERE type LIKE 'registration%' ORDER BY id`,
  })
  t.match(events, [
    { type: 'registration_token_created', detail: { token_id: created.token_id, max_uses: 3, note: 'CI', by: String } },
    { type: 'registration_token_revoked', detail: { token_id: created.token_id, by: String } },
  ])
  t.notMatch(JSON.stringify(events), created.token)
})

t.test('the list says what has become of each token, page by page', async (t) => {
  for (const note of ['one', 'two', 'three']) await json('registration-tokens', 'create', '--note', note)
  await database.query({ text: `UPDATE registration_tokens SET max_uses = 1, uses = 1 WHERE note = 'one'` })
  await database.query({ text: `UPDATE registration_tokens SET expires_at = now() WHERE note = 'two'` })
  const all = await json<Token[]>('registration-tokens', 'list')
  t.match(
    all.map(({ state }) => state),
    ['used up', 'expired', 'usable'],
  )
  t.match(await json('registration-tokens', 'list', '--after', String(all[1]?.token_id)), [{ note: 'three' }])
})

t.test('faults are reported before anything is created', async (t) => {
  for (const flags of [
    ['--uses', '0'],
    ['--uses', 'many'],
    ['--expires-in', '400d'],
    ['--expires-in', 'soon'],
    ['--note', ''],
  ])
    t.match(await signet('registration-tokens', 'create', ...flags), { code: 2 }, flags.join(' '))
  t.match(await signet('registration-tokens', 'create', '--note', 'a\nb'), { code: 2 })
  for (const id of ['0', '99999', 'x', "1' OR 1=1"])
    t.match(await signet('registration-tokens', 'revoke', id), { code: 1 }, id)
})

t.test('clients that registered themselves are told apart, and an operator can adopt them', async (t) => {
  const { client_id: id } = await json<{ client_id: string }>(
    'clients',
    'create',
    '--name',
    'Own',
    '--redirect-uri',
    'https://own.example/cb',
  )
  await json('clients', 'create', '--name', 'Operated', '--redirect-uri', 'https://a.example/cb')
  await database.query({
    text: `WITH own AS (UPDATE clients SET self_registered = true WHERE client_id = $1 RETURNING client_id)
           INSERT INTO client_registrations (client_id, token_digest, initial_token) SELECT client_id, 'x', 7 FROM own`,
    values: [id],
  })
  t.match(await json('clients', 'list', '--self-registered'), [{ client_id: id, self_registered: true }])
  t.match(await json('clients', 'list', '--self-registered', '--name', 'oPer'), [])
  t.match(await json('clients', 'show', id), { self_registered: true, registered_at: String, registration_token_id: 7 })
  t.match(await signetReading('', 'clients', 'show', id), { code: 0 })
  t.match(await signet('clients', 'update', id, '--first-party'), { code: 2 })
  t.match(await json('clients', 'update', id, '--name', 'Own notes'), { self_registered: true })

  t.same(await json('clients', 'adopt', id), { client_id: id, adopted: true })
  t.match(await signet('clients', 'adopt', id), { code: 1 })
  t.match(await json('clients', 'update', id, '--first-party'), { first_party: true })
  t.same(await json('clients', 'list', '--self-registered'), [])
  const { rows } = await database.query({ text: 'SELECT FROM client_registrations' })
  t.equal(rows.length, 0, 'its registration access token is void')
})

t.test('a client with a document is shown with the times of it, and only its publisher can change it', async (t) => {
  const url = 'https://app.example:8443/oauth/client'
  const { client_id: created } = await json<{ client_id: string }>(
    ...[
      'clients',
      'create',
      '--name',
      'Editor',
      '--token-endpoint-auth-method',
      'none',
      '--redirect-uri',
      'https://app.example/cb',
    ],
  )
  await database.query({
    text: `WITH renamed AS (UPDATE clients SET self_registered = true, client_id = $2 WHERE client_id = $1 RETURNING client_id)
           INSERT INTO client_registrations (client_id, document_digest, document_fetched_at, document_expires_at)
           SELECT client_id, '\\x00', '2026-11-30T08:00:00Z', '2026-11-30T09:00:00Z' FROM renamed`,
    values: [created, url],
  })
  const known = { client_id: url, self_registered: true, has_document: true, client_name: 'Editor' }
  t.match(await json('clients', 'list', '--self-registered'), [known])
  t.match(await signetReading('', 'clients', 'list'), { out: /has_document/ })
  t.match(await json('clients', 'show', url), {
    ...known,
    registered_at: undefined,
    document_fetched_at: '2026-11-30T08:00:00.000Z',
    document_expires_at: '2026-11-30T09:00:00.000Z',
  })

  const refused = { code: 1, err: /describes itself by the document at this address.*signet clients import/ }
  t.match(await signet('clients', 'update', url, '--name', 'Mine'), refused)
  t.match(await signet('clients', 'update', url, '--first-party'), refused)
  t.match(await signet('clients', 'adopt', url), refused)
  t.match(await signetReading('', 'clients', 'list-secrets', url), { code: 0, out: /never has one/ })
  t.match(await signet('clients', 'rotate-secret', url), { code: 1, err: /never has one/ })
  t.match(await json('clients', 'show', url), known, 'it is as before')

  t.match(await signet('clients', 'delete', url), {
    code: 0,
    out: /take app\.example out of SIGNET_CLIENT_ID_METADATA_HOSTS/,
  })
  const own = {
    client_id: url,
    client_name: 'Ours',
    redirect_uris: ['https://app.example/cb'],
    token_endpoint_auth_method: 'none',
  }
  t.match(await signetReading(JSON.stringify(own), 'clients', 'import'), { code: 0 })
  t.match(await json('clients', 'update', url, '--first-party'), {
    client_id: url,
    self_registered: undefined,
    has_document: undefined,
    first_party: true,
  })
  t.match(await signet('clients', 'delete', url), { code: 0, out: /^(?!.*METADATA_HOSTS)/s })
})
