import t, { type Test } from 'tap'
import { openConsole } from './console.ts'

/** One installation for all lists. The rows are inserted by SQL, because a command for each would take minutes. */
const { signet, json, database } = await openConsole(t)
const sql = (text: string) => database.query({ text })

interface Listed {
  readonly [member: string]: unknown
}

/** All pages of a list, one after the other, as a program reads them. */
async function pages(t: Test, limit: number, id: string, ...command: string[]): Promise<Listed[][]> {
  const found: Listed[][] = []
  for (let after: string[] = []; ; ) {
    const { code, out, err } = await signet(...command, '--json', '--limit', String(limit), ...after)
    if (code !== 0) throw new Error(err)
    const page = JSON.parse(out) as Listed[]
    found.push(page)
    const last = String(page.at(-1)?.[id])
    if (err !== '')
      t.equal(err, `signet: There are more: --after ${last} shows the next page, --all shows everything.\n`)
    if (page.length < limit) return found
    after = ['--after', last]
  }
}

const app = `'{authorization_code}', '{code}', 'openid', 'none', 'ES256', true`
const appColumns = `grant_types, response_types, scope, token_endpoint_auth_method, id_token_signed_response_alg, refresh_token_rotation`

t.test('bad flag values are usage errors, and an entry that does not exist is an error', async (t) => {
  for (const limit of ['-1', '1001', '1.5', 'x', '1e2', '', '9'.repeat(400)])
    t.match(await signet('users', 'list', '--limit', limit), { code: 2, out: '', err: /a whole number from 1 to 1000/ })
  for (const id of ["' OR 1=1 --", '__proto__', '%', 'x'.repeat(8192)])
    t.match(await signet('users', 'list', '--after', id), {
      code: 1,
      out: '',
      err: /^signet: There is no user .{1,130}\n$/,
    })
  for (const list of ['users', 'clients', 'resources', 'grants', 'keys']) {
    t.match(await signet(list, 'list', '--limit', '0'), { code: 2, out: '' })
    t.match(await signet(list, 'list', '--all', '--limit', '5'), { code: 2, out: '', err: /cannot be used with/ })
    t.match(await signet(list, 'list', '--after', '--json'), { code: 2, out: '', err: /value is missing/ })
    // A resource is ordered by its identifier, so what follows it is known even if it does not exist.
    const nothing = list === 'resources' ? { code: 0, out: '[]\n' } : { code: 1, out: '', err: /There is no / }
    t.match(await signet(list, 'list', '--json', '--all', '--after', 'nothing'), nothing)
  }
  t.same(await json('clients', 'list', '--all'), [])
  for (const before of ['0', '-1', 'x', '9'.repeat(400)])
    t.match(await signet('events', 'list', '--before', before), { code: 2, out: '' })
  t.match(await signet('events', 'list', '--before', '999999999'), { code: 1, out: '', err: /There is no event 9+\./ })
  t.match(await signet('events', 'list', '--before', '1', '--follow'), { code: 2, out: '', err: /cannot be used with/ })
})

t.test('paging through clients returns each one exactly once in one order, whatever the names', async (t) => {
  // Names that are equal, that differ in case, or that a pattern or a collation would confuse.
  const names = ['b', 'B', 'b', 'a', 'Zed', '%', '_', 'ab', 'a b', 'äb', 'ISTANBUL', '\u{10FFFD}', '🦊', 'b', "'", '\\']
  for (const [index, name] of names.entries())
    await database.query({
      text: `INSERT INTO clients (client_id, client_name, ${appColumns}) VALUES ($1, $2, ${app})`,
      values: [`client_${index}`, name],
    })
  const all = await json<Listed[]>('clients', 'list')
  t.equal(all.length, names.length)
  t.equal(new Set(all.map(({ client_id }) => client_id)).size, names.length)
  for (const limit of [3, names.length, names.length + 1]) {
    const found = await pages(t, limit, 'client_id', 'clients', 'list')
    t.same(found.flat(), all, `by ${limit}`)
  }
  t.same(await json('clients', 'list', '--all'), all)

  const begin = async (prefix: string) =>
    (await json<Listed[]>('clients', 'list', '--name', prefix)).map(({ client_name: name }) => name).sort()
  t.same(await begin('B'), ['B', 'b', 'b', 'b'])
  t.same(await begin('a'), ['a', 'a b', 'ab'])
  t.same(await begin('%'), ['%'])
  t.same(await begin('_'), ['_'])
  t.same(await begin('\\'), ['\\'])
  t.same(await begin("'"), ["'"])
  t.same(await begin('iST'), ['ISTANBUL'])
  t.same(await begin('äb'), ['äb'])
  t.same(await begin('\u{10FFFD}'), ['\u{10FFFD}'])
  t.match(await signet('clients', 'list', '--name', 'none'), { code: 0, out: 'No clients found.\n' })
  t.same(
    (await pages(t, 2, 'client_id', 'clients', 'list', '--name', 'b')).map(({ length }) => length),
    [2, 2, 0],
  )
})

t.test('a table ends with a line about the next page, except on the last page', async (t) => {
  const { out } = await signet('clients', 'list', '--limit', '2')
  const lines = out.trimEnd().split('\n')
  t.match(lines[0], /^client_id +client_name/)
  const id = lines[2]?.split(' ')[0]
  t.same(lines.slice(3), ['', `There are more: --after ${id} shows the next page, --all shows everything.`])
  const { out: end } = await signet('clients', 'list', '--limit', '1000')
  t.notMatch(end, '--after')
  const nothing = await signet('clients', 'list', '--after', end.trimEnd().split('\n').at(-1)?.split(' ')[0] ?? '')
  t.match(nothing, { code: 0, out: /^There is nothing after client_\d+\.\n$/, err: '' })
})

t.test('paging cannot continue after a deleted client, and says so', async (t) => {
  const { out, err } = await signet('clients', 'list', '--limit', '3', '--json')
  const id = String((JSON.parse(out) as Listed[]).at(-1)?.['client_id'])
  t.match(err, id)
  await sql(`DELETE FROM clients WHERE client_id = '${id}'`)
  t.match(await signet('clients', 'list', '--after', id), { code: 1, out: '', err: /There is no client/ })
})

t.test('--all prints any number of pages as one table or one array', async (t) => {
  await sql(`INSERT INTO clients (client_id, client_name, ${appColumns})
             SELECT 'client_many_' || i, 'Many ' || i % 7, ${app} FROM generate_series(1, 2300) AS i`)
  const all = await json<Listed[]>('clients', 'list', '--all', '--name', 'many')
  t.equal(all.length, 2300)
  t.equal(new Set(all.map(({ client_id: id }) => id)).size, 2300)
  const { out, err } = await signet('clients', 'list', '--all', '--name', 'many')
  t.equal(err, '')
  t.equal(out.trimEnd().split('\n').length, 2301)
  t.equal(out.match(/client_name/g)?.length, 1)
  const { out: usual } = await signet('clients', 'list', '--name', 'many')
  t.equal(usual.trimEnd().split('\n').length, 1 + 100 + 2, 'a hundred by default')
})

t.test(
  'accounts that were created at the same time have a fixed order, and paging continues after a deleted one',
  async (t) => {
    await sql(`INSERT INTO accounts (sub, username, created_at)
             SELECT 'sub-' || i, 'user-' || i, CASE WHEN i % 2 = 0 THEN now() ELSE now() + i % 5 * interval '1 microsecond' END
             FROM generate_series(1, 40) AS i`)
    const all = await json<Listed[]>('users', 'list')
    t.equal(new Set(all.map(({ sub }) => sub)).size, 40)
    t.same((await pages(t, 7, 'sub', 'users', 'list')).flat(), all)
    const gone = String(all[6]?.['sub'])
    t.match(await signet('users', 'delete', gone), { code: 0 })
    t.same(await json('users', 'list', '--after', gone), all.slice(7))
  },
)

t.test('resources are ordered by identifier, and the line about the next page quotes it for a shell', async (t) => {
  for (const end of ['a', 'b?x=1&y=2', 'c', "d'e"])
    await sql(`INSERT INTO resources (identifier) VALUES ($$https://api.example/${end}$$)`)
  const all = await json<Listed[]>('resources', 'list')
  t.same(
    all.map(({ identifier }) => identifier),
    ['https://api.example/a', 'https://api.example/b?x=1&y=2', 'https://api.example/c', "https://api.example/d'e"],
  )
  t.match((await signet('resources', 'list', '--limit', '2')).out, /--after 'https:\/\/api.example\/b\?x=1&y=2' shows/)
  t.same(await json('resources', 'list', '--after', 'https://api.example/b?x=1&y=2'), all.slice(2))
  t.same(
    await json('resources', 'list', '--after', 'https://api.example/bzz'),
    all.slice(2),
    'even after one that does not exist',
  )
})

t.test('grants are listed newest first, for a user, for a client, and for both', async (t) => {
  await sql(`INSERT INTO grants (id, client_id, sub, scopes, resources, created_at)
             SELECT 'grant-' || i, 'client_' || i % 2, 'sub-' || 1 + i % 3, '{openid}', '{}', now() FROM generate_series(1, 30) AS i`)
  const numbers = (listed: Listed[]) => listed.map(({ grant_id: id }) => Number(String(id).slice('grant-'.length)))
  const expected = Array.from({ length: 30 }, (_, index) => 30 - index)
  const filters: [string[], (i: number) => boolean][] = [
    [[], () => true],
    [['--user', 'user-1'], (i) => i % 3 === 0],
    [['--client-id', 'client_0'], (i) => i % 2 === 0],
    [['--user', 'user-1', '--client-id', 'client_0'], (i) => i % 3 === 0 && i % 2 === 0],
  ]
  for (const [flags, isMeant] of filters) {
    const found = await pages(t, 4, 'grant_id', 'grants', 'list', ...flags)
    t.same(numbers(found.flat()), expected.filter(isMeant), flags.join(' '))
    t.same(await json('grants', 'list', '--all', ...flags), found.flat())
  }
})

t.test('keys in use are listed before revoked ones', async (t) => {
  const all = await json<Listed[]>('keys', 'list')
  t.same((await pages(t, 2, 'kid', 'keys', 'list')).flat(), all)
  await sql(`UPDATE signing_keys SET revoked_at = now() WHERE kid = '${all[0]?.['kid']}'`)
  const states = (await json<Listed[]>('keys', 'list')).map(({ state }) => state)
  t.equal(states.indexOf('revoked'), states.length - 1)
})

t.test(
  'events are paged backwards under each filter and several at once, ordered by number within one timestamp',
  async (t) => {
    // A hundred at each of six timestamps. Later events have smaller numbers, as when clocks or transactions cross.
    await sql(`INSERT INTO events (at, type, client_id, sub, grant_id, kid)
             SELECT '2026-01-01'::timestamptz + (6 - i / 100) * interval '1 second', (ARRAY['signed_in', 'signed_out', 'key_created'])[1 + i % 3],
               'client-' || i % 2, 'sub-' || i % 5, 'grant-' || i % 7, CASE WHEN i % 3 = 2 THEN 'kid-' || i % 2 END
             FROM generate_series(0, 599) AS i`)
    const { rows } = await database.query<Listed>({
      text: `SELECT id, type, client_id, sub, grant_id, kid FROM events WHERE at BETWEEN '2026-01-01' AND '2026-01-02' ORDER BY at, id`,
    })
    const filters: [string[], (event: Listed) => boolean][] = [
      [['--type', 'signed_in'], ({ type }) => type === 'signed_in'],
      [['--type', 'signed_in', '--type', 'key_created', '--type', 'signed_in'], ({ type }) => type !== 'signed_out'],
      [['--user', 'sub-1'], ({ sub }) => sub === 'sub-1'],
      [['--client-id', 'client-1'], ({ client_id }) => client_id === 'client-1'],
      [['--grant-id', 'grant-3'], ({ grant_id }) => grant_id === 'grant-3'],
      [['--kid', 'kid-1'], ({ kid }) => kid === 'kid-1'],
      [
        ['--client-id', 'client-1', '--type', 'signed_in'],
        (e) => e['client_id'] === 'client-1' && e['type'] === 'signed_in',
      ],
      [
        [
          '--user',
          'sub-1',
          '--client-id',
          'client-1',
          '--grant-id',
          'grant-3',
          '--type',
          'signed_in',
          '--type',
          'signed_out',
        ],
        (e) =>
          e['sub'] === 'sub-1' &&
          e['client_id'] === 'client-1' &&
          e['grant_id'] === 'grant-3' &&
          e['type'] !== 'key_created',
      ],
    ]
    for (const [flags, isMeant] of filters) {
      const found: unknown[] = []
      for (let before: string[] = []; ; ) {
        const { out, err } = await signet('events', 'list', '--json', '--limit', '150', ...flags, ...before)
        const page = (JSON.parse(out) as { id: number; at: string }[]).filter(({ at }) => at < '2026-01-02')
        found.unshift(...page.map(({ id }) => id))
        if (err === '') break
        t.equal(err, `signet: There are older events: --before ${page[0]?.id} shows them.\n`)
        before = ['--before', String(page[0]?.id)]
      }
      t.same(
        found,
        rows.filter(isMeant).map(({ id }) => id),
        flags.join(' '),
      )
    }
    const { out } = await signet('events', 'list', '--kid', 'kid-1', '--limit', '1')
    t.match(out.split('\n').slice(1).join('\n'), /^\nThere are older events: --before \d+ shows them\.\n$/)
    t.same(await json('events', 'list', '--kid', 'kid-1', '--since', '1h'), [])
  },
)
