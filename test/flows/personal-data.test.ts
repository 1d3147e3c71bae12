import t, { type Test } from 'tap'
import type { Browser, Visit } from '../support/browser.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { newestMailTo } from '../support/mails.ts'
import { givePasskey } from '../support/passkeys.ts'
import { giveRecoveryCodes, giveTotp } from '../support/totp.ts'

/* What is stored about a person: downloaded, and deleted. */

const idp = await startSignet(t)
const { database } = idp.signet
const query = async (text: string, ...values: unknown[]) => (await database.query({ text, values })).rows

/** Tables with a column that names a person, each with the member of the document that has its rows, or why none has. */
const tables: Readonly<Record<string, string>> = {
  accounts: 'profile',
  account_emails: 'addresses',
  account_credentials: 'credentials',
  passkeys: 'credentials',
  totp_secrets: 'credentials',
  recovery_code_sets: 'credentials',
  group_members: 'groups',
  email_verifications: 'mails',
  account_recoveries: 'mails',
  email_changes: 'mails',
  account_notices: 'mails',
  invitations: 'mails',
  known_browsers: 'known_browsers',
  sessions: 'sessions',
  consents: 'applications',
  disconnections: 'disconnected_applications',
  grants: 'grants',
  events: 'events',
  account_avatars: 'avatar',
  replaced_passwords: 'nothing but an earlier password',
  unfinished_sign_ins: 'for ten minutes, and only digests',
  endings: 'decisions of which the rows follow',
  erasures: 'people who were deleted',
  names_to_convert: 'work that waits',
}

/** Those of which rows are left when an account is deleted. */
const keptTables = ['accounts', 'endings', 'erasures', 'events', 'grants', 'sessions']

async function tablesAboutPeople(): Promise<string[]> {
  const rows = await query(
    `SELECT table_name AS name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
     WHERE table_schema = current_schema() AND column_name = 'sub' AND table_type = 'BASE TABLE'`,
  )
  return rows.map(({ name }) => name as string)
}

/** SQL: 32 random bytes. */
const bytes = 'sha256(gen_random_uuid()::text::bytea)'

/** A person about whom there is something in most tables. */
async function busyPerson(t: Test): Promise<{ person: Person; browser: Browser; codes: readonly string[] }> {
  const client = await idp.client({ client_name: 'Notes' })
  const person = await idp.person({ name: 'Ada', birthdate: '1815-12-10', address: { locality: 'London' } })
  await query('UPDATE account_emails SET verified_at = now() WHERE sub = $1', person.sub)
  const { browser, redeem } = await signIn(idp, client, { person })
  t.equal((await redeem()).status, 200)
  await signIn(idp, client, { person })
  await givePasskey(idp, person, { name: 'Phone' })
  await giveTotp(idp, person)
  const codes = await giveRecoveryCodes(idp, person)
  await query(`UPDATE sessions SET factor = 'passkey', factor_time = now() WHERE sub = $1`, person.sub)
  await query(`INSERT INTO groups (name) VALUES ('staff') ON CONFLICT DO NOTHING`)
  await query(`INSERT INTO group_members (sub, group_name) VALUES ($1, 'staff')`, person.sub)
  await query(`INSERT INTO disconnections VALUES ($1, $2, 1, now())`, person.sub, client.client_id)
  const later = `now() + interval '1 hour'`
  await query(
    `INSERT INTO email_verifications (digest, sub, email, browser_digest, code_mac, code_version, expires_at)
     VALUES (${bytes}, $1, 'next@example.com', ${bytes}, ${bytes}, 1, ${later})`,
    person.sub,
  )
  await query(
    `INSERT INTO account_recoveries (digest, sub, email, expires_at) VALUES (${bytes}, $1, 'ada@example.com', ${later})`,
    person.sub,
  )
  await query(
    `INSERT INTO email_changes (digest, sub, previous_email, previous_password, earlier_password, expires_at)
     VALUES (${bytes}, $1, 'before@example.com', 'hash before', 'hash earlier', ${later})`,
    person.sub,
  )
  await query(`INSERT INTO account_avatars (sub, id, image) VALUES ($1, gen_random_uuid(), 'a picture')`, person.sub)
  await query(`INSERT INTO replaced_passwords VALUES ($1, 'hash replaced', ${later})`, person.sub)
  await query(`INSERT INTO unfinished_sign_ins VALUES (${bytes}, ${bytes}, $1, ${bytes}, now(), ${later})`, person.sub)
  await query(
    `INSERT INTO invitations (digest, email, name, invited_by, created_at, expires_at, accepted_at, sub)
     VALUES (${bytes}, gen_random_uuid() || '@example.com', 'Ada', 'the operator', now(), ${later}, now(), $1)`,
    person.sub,
  )
  await query(
    `INSERT INTO events (type, sub, network, user_agent, detail) VALUES ('passkey_added', $1, '192.0.2.7', 'Browser 1', '{"passkey": "Phone"}')`,
    person.sub,
  )
  await query(
    `INSERT INTO events (type, sub, detail) VALUES ('password_set', $1, '{"by": "the operator", "reason": "a note of theirs"}')`,
    person.sub,
  )
  return { person, browser, codes }
}

async function download(browser: Browser): Promise<Visit> {
  return browser.submit(await browser.get('/account/data'), 'download-data')
}

t.test('the document has no secret: no value that is stored as bytes, sealed, or hashed', async (t) => {
  const { person, browser, codes } = await busyPerson(t)
  const { text } = await download(browser)
  const secretColumns = await query(
    `SELECT table_name AS table, column_name AS name, data_type AS type FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name <> 'account_avatars' AND (data_type = 'bytea'
       OR column_name IN ('secret', 'sealed', 'previous_password', 'earlier_password'))`,
  )
  let looked = 0
  for (const { table, name, type } of secretColumns)
    for (const { value } of await query(`SELECT ${name} AS value FROM ${table} WHERE ${name} IS NOT NULL`)) {
      const spellings =
        type === 'bytea' ? ['hex', 'base64', 'base64url', 'latin1'].map((as) => value.toString(as)) : [value]
      for (const spelled of spellings.filter((one) => one.length > 3))
        if (text.includes(spelled)) t.fail(`${table}.${name} is in the document`)
      looked++
    }
  t.ok(looked > 30, `${looked} secrets`)
  for (const secret of [person.password, ...codes, ...browser.cookies.values()]) t.notOk(text.includes(secret))
  t.notMatch(text, /the operator|a note of theirs/, 'nor what operators noted')
})

t.test('the document has a member for every table that names people, or a reason', async (t) => {
  const known = Object.keys(tables)
  const existing = await tablesAboutPeople()
  t.same(
    existing.filter((table) => !known.includes(table)),
    [],
    'a table is missing here: say where its rows are in the document',
  )
  const { browser, person } = await busyPerson(t)
  const { status, headers, text } = await download(browser)
  t.equal(status, 200)
  t.match(headers.get('content-disposition'), /^attachment; filename="account-data-\d{4}-\d\d-\d\d\.json"$/)
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(headers.get('content-type'), 'application/json; charset=utf-8')
  const document = JSON.parse(text)
  t.match(document, {
    ...{ format: 'signet-personal-data', version: 1, issuer: idp.issuer, complete: true },
    profile: {
      ...{ sub: person.sub, preferred_username: person.username, name: 'Ada', birthdate: '1815-12-10' },
      ...{ email: person.email, email_verified: true, address: { locality: 'London' }, updated_at: Number },
    },
    account: { created_at: /^\d{4}-/ },
    addresses: [{ email: person.email, verified: true, primary: true }],
    credentials: [
      { kind: 'password', changed_at: String },
      { kind: 'passkey', name: 'Phone', synced: false },
      { kind: 'totp' },
      { kind: 'recovery_codes', codes_left: 10 },
    ],
    groups: ['staff'],
    avatar: { image: `data:image/webp;base64,${Buffer.from('a picture').toString('base64')}` },
    sessions: [{ amr: ['pwd'], factor: 'passkey' }, { amr: ['pwd'] }],
    applications: [{ name: 'Notes', scopes: Array }],
    disconnected_applications: [{ name: 'Notes' }],
    grants: [{ scopes: Array, opened_at: String }, {}],
  })
  t.same(document.mails.map(({ kind }: { kind: string }) => kind).sort(), [
    ...['email_change', 'invitation'],
    ...document.mails.filter(({ kind }: { kind: string }) => kind === 'notice').map(() => 'notice'),
    ...['recovery', 'verification'],
  ])
  t.equal(document.events.at(-1).type, 'data_downloaded', 'also the download')
  t.match(
    document.events.find(({ type }: { type: string }) => type === 'passkey_added'),
    { network: '192.0.2.7', user_agent: 'Browser 1', detail: { passkey: 'Phone' } },
  )
})

t.test('a person with very many events gets all of them, in order, and no event of anybody else', async (t) => {
  const { browser, person } = await signIn(idp, await idp.client())
  // Many have the same time: those of one transaction.
  await query(
    `INSERT INTO events (type, sub, at, detail)
     SELECT 'tokens_issued', $1, now() - (n / 700) * interval '1 second', jsonb_build_object('n', n) FROM generate_series(1, 2345) AS n`,
    person.sub,
  )
  await query(
    `INSERT INTO events (type, sub) SELECT 'tokens_issued', $1 || 'x' FROM generate_series(1, 10) AS n`,
    person.sub,
  )
  const { events } = JSON.parse((await download(browser)).text)
  const stored = await query('SELECT id, detail FROM events WHERE sub = $1 ORDER BY at, id', person.sub)
  t.same(
    events.map(({ detail }: { detail: object }) => detail),
    stored.map(({ detail }) => detail),
  )
})

t.test('after the deletion nothing of the person is left but the sub, and events without addresses', async (t) => {
  const { browser, person } = await busyPerson(t)
  const page = await browser.get('/account/data/delete')
  t.ok(page.text.includes(person.sub), 'the page names what is kept')
  const last = await browser.submit(page, 'delete-account', { 'account-name': person.email.toUpperCase() })
  t.equal(last.status, 200)
  t.match(last.text, 'Your account has been deleted')
  t.equal(browser.cookies.has(idp.cookieNames.session), false, 'the browser is signed out')

  const names = (await tablesAboutPeople()).sort()
  const left: string[] = []
  for (const table of names)
    if ((await query(`SELECT FROM ${table} WHERE sub = $1 LIMIT 1`, person.sub)).length > 0) left.push(table)
  t.same(
    left.filter((table) => !keptTables.includes(table)),
    [],
  )
  t.same(
    await query('SELECT ended_at IS NOT NULL AS ended, user_agent, network FROM sessions WHERE sub = $1', person.sub),
    [
      { ended: true, user_agent: null, network: null },
      { ended: true, user_agent: null, network: null },
    ],
  )
  t.same(await query('SELECT count(*) AS open FROM grants WHERE sub = $1 AND ended_at IS NULL', person.sub), [
    { open: 0 },
  ])
  const [event] = await query(
    `SELECT network, user_agent, detail FROM events WHERE sub = $1 AND type = 'account_deleted'`,
    person.sub,
  )
  t.same(event, { network: null, user_agent: null, detail: {} })

  const mail = await newestMailTo(idp, person.email)
  t.match(mail.subject, /deleted/i)
})

t.test('the cleaner erases devices and the names of passkeys from the events, too', async (t) => {
  const { deleteExpired } = await import('../../src/records/cleanup/cleanup-store.ts')
  const { deleteAccount } = await import('../../src/operations/delete-account.ts')
  const { person } = await busyPerson(t)
  await deleteAccount(idp.signet, { kind: 'operator', by: 'test' }, person.sub)
  await query(`UPDATE erasures SET requested_at = requested_at - interval '2 minutes'`)
  while (await deleteExpired(database, 3600));
  const rows = await query('SELECT network, user_agent, detail FROM events WHERE sub = $1', person.sub)
  t.ok(rows.length > 5)
  for (const row of rows) t.match(row, { network: null, user_agent: null })
  t.notMatch(JSON.stringify(rows), 'Phone')
})
