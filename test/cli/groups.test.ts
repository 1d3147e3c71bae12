import t from 'tap'
import { openConsole } from './console.ts'

const { signet, json, database } = await openConsole(t, { SIGNET_ISSUER: 'http://localhost:4321' })

const user = async (name: string) => (await json<{ sub: string }>('users', 'create', '--username', name)).sub
const names = async (...flags: string[]) =>
  (await json<{ group: string }[]>('groups', 'list', ...flags)).map(({ group }) => group)
const query = async (text: string, values: unknown[] = []) => (await database.query({ text, values })).rows

t.test('a name that is invisible, ambiguous or too long is a usage error, and no group is created', async (t) => {
  const wrong = [
    ...['*', ' staff', 'staff ', 'a  b', 'a\tb', 'a\nb', '\u001b[2J', 'a\u0000b', 'a\u007fb', 'a\u0085b', 'a\u00a0b'],
    ...['a\u200bb', 'a\u202eb', 'a\u2028b', '\ufeffa', 'a\u00adb', 'a\u{e0041}', '\ud800', 'a\u3164', 'e\u0301'],
    'x'.repeat(101),
  ]
  for (const name of wrong) {
    const { code, out, err } = await signet('groups', 'create', name)
    t.same({ code, out }, { code: 2, out: '' }, escape(name).slice(0, 80))
    t.ok(err.length < 400)
    t.equal(err.replaceAll(/[^\n\x20-\x7e]/g, ''), err, 'printable')
  }
  t.match(await signet('groups', 'create', ''), { code: 2 })
  t.match(await signet('groups', 'list'), { code: 0, out: /^There are no groups yet/ })
})

t.test('a group is named exactly, and no two names differ only in upper and lower case', async (t) => {
  for (const name of [
    'staff',
    'Ärzte',
    '/org/team-1',
    'cn=admins,ou=x',
    "it's",
    'iss',
    'x'.repeat(100),
    '組'.repeat(100),
  ])
    t.same(await json('groups', 'create', name), { group: name })
  t.match(await signet('groups', 'create', 'staff'), { code: 1, err: /already a group staff/ })
  t.match(await signet('groups', 'create', 'STAFF'), { code: 1, err: /already a group staff\. .*upper and lower case/ })
  t.match(await signet('groups', 'delete', 'Staff'), { code: 1, err: /no group Staff\. Did you mean staff/ })
  t.match(await signet('groups', 'show', 'nobody'), { code: 1, err: /no group nobody/ })
  const app = ['clients', 'create', '--name', 'App', '--redirect-uri', 'https://app.example/cb']
  t.match(await signet(...app, '--group', 'Staff'), { code: 2, err: /no group 'Staff'/ })
  t.same((await query('SELECT FROM clients')).length, 0)
})

t.test('users are added and removed, with an event each time that something changes', async (t) => {
  const [ada, ben] = [await user('ada'), await user('ben')]
  for (const who of [ada, 'ada', 'ben'])
    t.match(await json('groups', 'add', 'staff', who), { group: 'staff', member: true })
  await json('groups', 'add', 'iss', 'ada')
  t.same(await names('--user', 'ada'), ['iss', 'staff'])
  t.match(await json('users', 'show', 'ada'), { groups: ['iss', 'staff'] })
  const members = await json<{ sub: string; username: string }[]>('groups', 'show', 'staff')
  t.same(members.map(({ username }) => username).sort(), ['ada', 'ben'])
  const [first, second] = members.map(({ sub }) => sub)
  t.match(JSON.parse((await signet('groups', 'show', 'staff', '--limit', '1', '--json')).out), [{ sub: first }])
  t.match(await json('groups', 'show', 'staff', '--after', first ?? ''), [{ sub: second }])
  t.same(await names('--after', "it's"), ['staff', 'x'.repeat(100), 'Ärzte', '組'.repeat(100)])
  for (const _ of [1, 2])
    t.same(await json('groups', 'remove', 'staff', 'ben'), { group: 'staff', sub: ben, member: false })
  t.match(await signet('groups', 'add', 'staff', 'nobody'), { code: 1, err: /no user nobody/ })
  t.match(await signet('groups', 'add', 'nobody', 'ada'), { code: 1, err: /no group nobody/ })
  const events = await query(
    `SELECT type, sub, detail->>'group' AS name, detail ? 'by' AS by FROM events WHERE type LIKE 'group_member%' ORDER BY id`,
  )
  t.same(events, [
    { type: 'group_member_added', sub: ada, name: 'staff', by: true },
    { type: 'group_member_added', sub: ben, name: 'staff', by: true },
    { type: 'group_member_added', sub: ada, name: 'iss', by: true },
    { type: 'group_member_removed', sub: ben, name: 'staff', by: true },
  ])
})

t.test('an account is in a hundred groups at most, and their names are bounded together', async (t) => {
  const sub = await user('joiner')
  await query(`INSERT INTO groups (name) SELECT 'g' || n FROM generate_series(1, 102) AS n`)
  await query(`INSERT INTO group_members (sub, group_name) SELECT $1, 'g' || n FROM generate_series(1, 99) AS n`, [sub])
  const both = await Promise.all(['g100', 'g101'].map((name) => signet('groups', 'add', name, sub)))
  t.same(both.map(({ code }) => code).sort(), [0, 2], 'two at the same time')
  t.match(await signet('groups', 'add', 'g102', sub), { code: 2, err: /100 groups already/ })
  t.equal((await names('--user', sub, '--all')).length, 100)

  const other = await user('other')
  await query(`INSERT INTO groups (name) SELECT repeat('組', 90) || n FROM generate_series(1, 20) AS n`)
  await query(`INSERT INTO group_members (sub, group_name) SELECT $1, name FROM groups WHERE name ~ '^組+1?[1-7]$'`, [
    other,
  ])
  t.match(await signet('groups', 'add', `${'組'.repeat(90)}19`, other), { code: 2, err: /4096 octets/ })
})

t.test('a deleted user leaves all groups, whichever release deletes them', async (t) => {
  await json('groups', 'add', 'staff', 'ben')
  await json('users', 'delete', 'ben')
  const old = await user('old')
  await json('groups', 'add', 'staff', 'old')
  await query('UPDATE accounts SET deleted_at = now() WHERE sub = $1', [old])
  t.match(await json('groups', 'show', 'staff'), [{ username: 'ada' }])
  t.equal((await json<unknown[]>('groups', 'show', 'staff')).length, 1)
})

t.test('a deleted group is gone from its members and from the clients that saw it', async (t) => {
  const create = ['clients', 'create', '--name', 'App', '--redirect-uri', 'https://app.example/cb']
  const some = await json<{ client_id: string }>(...create, '--group', 'staff', '--group', 'iss')
  const all = await json<{ client_id: string; groups: string[] }>(...create, '--group', 'staff', '--group', '*')
  t.same(all.groups, ['*'])
  t.same(await json('groups', 'delete', 'staff'), {
    group: 'staff',
    deleted: true,
    members: 1,
    clients: [some.client_id],
  })
  t.match(await json('clients', 'show', some.client_id), { groups: ['iss'] })
  t.match(await json('clients', 'show', all.client_id), { groups: ['*'] })
  await json('groups', 'create', 'staff')
  t.same(await names('--user', 'ada'), ['iss'])
  t.match(
    await json('clients', 'show', some.client_id),
    { groups: ['iss'] },
    'a new group of the name is another group',
  )
  const events = await query(
    `SELECT type, client_id FROM events WHERE detail->>'group' = 'staff' ORDER BY id DESC LIMIT 3`,
  )
  t.same(
    events.map(({ type }) => type),
    ['group_created', 'group_deleted', 'client_updated'],
  )
})
