import t from 'tap'
import { recordIssuer } from '../../src/platform/database/installation-store.ts'
import { insertAccount } from '../../src/records/accounts/accounts-store.ts'
import type { ClientId, Sub } from '../../src/records/ids.ts'
import { openConsole } from './console.ts'
import { insertGrant } from './insert-grant.ts'

const { signet, json, database } = await openConsole(t)

interface Created {
  readonly client_id: ClientId
  readonly sub: Sub
}

const create = (name: string, ...flags: string[]) =>
  json<Created>('clients', 'create', '--name', name, '--redirect-uri', `https://${name}.example/callback`, ...flags)
const pairwise = ['--subject-type', 'pairwise']
const shop = await create('shop', ...pairwise)
const open = await create('open')
const ada = await json<Created>('users', 'create', '--username', 'ada')
await json('users', 'create', '--username', 'grace')

t.test('before the first start of a server nobody has a pairwise subject', async (t) => {
  t.match(await signet('users', 'show', 'ada', '--client', shop.client_id), {
    code: 1,
    err: /No server has been started/,
  })
  await recordIssuer(database, 'http://localhost:4000')
})

const subjectOf = async (who: string, client: Created) =>
  (await json<{ sub_for_client: string }>('users', 'show', who, '--client', client.client_id)).sub_for_client

t.test('users show --client: the sub that the client sees, and the user who has it', async (t) => {
  const subject = await subjectOf('ada', shop)
  t.match(subject, /^[A-Za-z0-9_-]{22}$/)
  t.not(subject, ada.sub)
  t.equal(await subjectOf('ada', open), ada.sub)
  t.match(await json('users', 'show', subject, '--client', shop.client_id), {
    sub: ada.sub,
    sub_for_client: subject,
    username: 'ada',
  })
  t.match(await json('users', 'show', ada.sub, '--client', shop.client_id), { sub: ada.sub, sub_for_client: subject })
  t.match(
    await signet('users', 'show', subject),
    { code: 1, err: /There is no user/ },
    'without the client it means nothing',
  )
  const bank = await create('bank', ...pairwise)
  t.match(await signet('users', 'show', subject, '--client', bank.client_id), { code: 1, err: /There is no user/ })
  t.match(await signet('users', 'show', subject, '--client', open.client_id), { code: 1, err: /There is no user/ })
  t.match(await signet('users', 'show', 'ada', '--client', 'client_none'), { code: 1, err: /There is no client/ })
  t.equal((await json<Record<string, unknown>>('users', 'show', 'ada'))['sub_for_client'], undefined)
  await json('clients', 'delete', bank.client_id)
})

t.test('a user with the subject of somebody else as their name is not taken for them', async (t) => {
  const subject = await subjectOf('ada', shop)
  // An import may bring such a name. Nobody can choose one.
  await insertAccount(database, {
    sub: 'impostor' as Sub,
    profile: { username: subject },
    email: undefined,
    passwordHash: undefined,
  })
  t.match(await json('users', 'show', subject, '--client', shop.client_id), { sub: ada.sub })
  t.match(await json('users', 'show', subject), { sub: 'impostor' })
})

t.test('a change of the sector by mistake is refused, and one on purpose is done with a warning', async (t) => {
  const { client_id, redirect_uris: uris } = await json<Created & { redirect_uris: string[] }>(
    'clients',
    'show',
    shop.client_id,
  )
  const update = (...flags: string[]) => signet('clients', 'update', client_id, ...flags)
  const subject = await subjectOf('ada', shop)
  const moved = ['--redirect-uri', 'https://store.example/callback']
  const refused = await update(...moved)
  t.match(refused, {
    code: 2,
    out: '',
    err: /know every user by another sub.*sector_identifier_uri with the host shop\.example/,
  })
  t.match(await json('clients', 'show', client_id), { redirect_uris: uris })

  const quiet = await update(...moved, '--sector-identifier-uri', 'https://shop.example/')
  t.match(quiet, { code: 0, err: '' }, 'the sector stays')
  t.equal(await subjectOf('ada', shop), subject)

  const { grantId } = await insertGrant(database, ada.sub, client_id)
  const warned = await update('--sector-identifier-uri', '')
  t.match(warned, { code: 0, err: /Warning: this application now knows every user by another sub/ })
  t.not(await subjectOf('ada', shop), subject)
  t.match((await database.query({ text: 'SELECT end_reason FROM grants WHERE id = $1', values: [grantId] })).rows, [
    { end_reason: 'revoked_by_operator' },
  ])
  t.match(await update('--name', 'Shop'), { code: 0, err: '' })
  t.match(await update('--redirect-uri', 'https://shop.example/callback', ...pairwise), { code: 0, err: /Warning/ })
  t.equal(await subjectOf('ada', shop), subject, 'the former subject returns')
})

t.test('pairwise needs one host that belongs to the application', async (t) => {
  for (const uri of ['http://localhost:3000/callback', 'com.example.app:/callback', 'https://other.example/callback'])
    t.match(
      await signet(
        ...[
          'clients',
          'create',
          '--name',
          'No',
          '--redirect-uri',
          'https://app.example/callback',
          '--redirect-uri',
          uri,
        ],
        ...['--token-endpoint-auth-method', 'none', ...pairwise],
      ),
      { code: 2, err: /sector_identifier_uri is missing/ },
      uri,
    )
})
