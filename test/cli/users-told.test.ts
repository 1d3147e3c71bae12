import pg from 'pg'
import t from 'tap'
import { recordIssuer } from '../../src/platform/database/installation-store.ts'
import { jobsSchemaOf } from '../../src/platform/database/job-schema.ts'
import { answer, emptyFolder, openConsole } from './console.ts'

/** What commands about an account tell its person by mail. */

const issuer = 'http://localhost:4321'
const password = 'correct horse battery'
const { signet, signetReading, json, database, environment } = await openConsole(t, { SIGNET_ISSUER: issuer })
await recordIssuer(database, issuer)
const silent = await openConsole(t, { SIGNET_ISSUER: 'https://id.example' })

const jobs = async () => {
  const table = `${pg.escapeIdentifier(jobsSchemaOf(environment['SIGNET_DATABASE_SCHEMA'] ?? ''))}.jobs`
  return (await database.query({ text: `SELECT FROM ${table}` })).rows.length
}
const create = (name: string, ...more: string[]) =>
  json<{ sub: string }>('users', 'create', '--username', name, '--email', `${name}@example.com`, ...more)

t.test(
  'a person with a verified address is told about a new address and a new password, and nobody else is',
  async (t) => {
    const { sub } = await create('ada', '--email-verified')
    await json('users', 'update', sub, '--name', 'Ada')
    t.equal(await jobs(), 0, 'another change is told to nobody')
    t.equal((await signetReading(password, 'users', 'set-password', sub, '--reason', 'lost phone')).code, 0)
    t.equal(await jobs(), 1)
    await json('users', 'update', sub, '--email', 'new@example.com')
    t.equal(await jobs(), 2)
    await json('users', 'update', sub, '--email', 'newer@example.com')
    t.equal((await signetReading(password, 'users', 'set-password', sub)).code, 0)
    t.equal(await jobs(), 2, 'an unverified address may be somebody else’s')
    const { rows } = await database.query({
      text: `SELECT detail - 'by' AS detail FROM events WHERE sub = $1 AND type = 'password_set' ORDER BY id`,
      values: [sub],
    })
    t.same(rows, [{ detail: { reason: 'lost phone' } }, { detail: {} }])
    t.match(await signetReading(password, 'users', 'set-password', sub, '--reason', ' '), { code: 2, out: '' })
  },
)

t.test('nothing is changed if the person could not be told because the master key is wrong', async (t) => {
  const { sub } = await create('grace', '--email-verified')
  const before = await jobs()
  const stranger = { ...environment, SIGNET_MASTER_KEY: Buffer.alloc(32, 7).toString('base64url') }
  const { code, err } = await answer(['users', 'update', sub, '--email', 'other@example.com'], {
    environment: stranger,
    folder: emptyFolder(t),
  })
  t.equal(code, 1)
  t.match(err, /master key/i)
  t.match(await json('users', 'show', sub), { email: 'grace@example.com', email_verified: true })
  t.equal(await jobs(), before)
})

t.test('where no mail is sent, the commands need no master key', async (t) => {
  const { sub } = await silent.json<{ sub: string }>(
    'users',
    'create',
    '--email',
    'ada@example.com',
    '--email-verified',
  )
  const { SIGNET_MASTER_KEY: _, ...without } = silent.environment
  const more = { environment: without, folder: emptyFolder(t), input: password }
  t.equal((await answer(['users', 'set-password', sub], more)).code, 0)
  t.equal((await answer(['users', 'update', sub, '--email', 'new@example.com'], { ...more, input: '' })).code, 0)
  t.equal((await signet('users', 'list')).code, 0)
})

t.test('a person whose account is deleted is told', async (t) => {
  const { sub } = await create('hedy', '--email-verified')
  const before = await jobs()
  await json('users', 'delete', sub)
  t.equal(await jobs(), before + 1)
  const { sub: unverified } = await create('mary')
  await json('users', 'delete', unverified)
  t.equal(await jobs(), before + 1, 'an unverified address may be somebody else’s')
})

t.test('the data of a user is one JSON document, with every strange character escaped', async (t) => {
  const { sub } = await create('alan', '--name', 'Al\u200dan')
  const { code, out, err } = await signet('users', 'data', 'alan')
  t.same({ code, err }, { code: 0, err: '' })
  t.match(JSON.parse(out), { profile: { sub, name: 'Al\u200dan' }, complete: true })
  t.notMatch(out, '\u200d')
  t.match(await json('users', 'data', sub), { addresses: [{ email: 'alan@example.com', verified: false }] })
  const { rows } = await database.query({
    text: `SELECT detail ->> 'by' IS NOT NULL AS by FROM events WHERE sub = $1 AND type = 'data_downloaded'`,
    values: [sub],
  })
  t.same(rows, [{ by: true }, { by: true }])
  t.match(await signet('users', 'data', 'nobody'), { code: 1, out: '' })
})
