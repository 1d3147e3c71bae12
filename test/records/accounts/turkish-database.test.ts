import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { convertNames } from '../../../src/operations/convert-names.ts'
import { packageFolder } from '../../../src/platform/config/installation-folder.ts'
import { migrate } from '../../../src/platform/database/migrations.ts'
import { createPool } from '../../../src/platform/database/pool.ts'
import { inTransaction } from '../../../src/platform/database/queryable.ts'
import { replaceSignInNames } from '../../../src/records/accounts/account-changes-store.ts'
import { findAccountsByIdentifier, findSignInCandidates } from '../../../src/records/accounts/accounts-by-name-store.ts'
import { findAccount, insertAccount, setEmailVerified } from '../../../src/records/accounts/accounts-store.ts'
import { asciiLowerCase, typedName } from '../../../src/records/accounts/canonical-names.ts'
import type { Sub } from '../../../src/records/ids.ts'
import { noLog } from '../../database.ts'
import { ownDatabase } from '../../support/own-database.ts'

/*
 * In a Turkish database lower('I') is 'ı' and lower('É') is 'é'. This one holds accounts of the previous release, is upgraded, and is
 * used by both releases for a while.
 */

/** The title of a test, with the reason if it is skipped. */
function titled(title: string, database: Awaited<ReturnType<typeof ownDatabase>>) {
  return 'whyNot' in database ? { title: `${title} (skipped: ${database.whyNot})`, skip: true } : { title, skip: false }
}

const made = await ownDatabase(t, "ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'tr'")
const names = titled('names in a Turkish database', made)

t.test(names.title, names, async (t) => {
  if ('whyNot' in made) return
  const { connection } = made
  const schema = 'signet'
  const db = createPool({
    ...{ connection, schema, max: 5, connectTimeoutMs: 10_000, queryTimeoutMs: 30_000, log: noLog },
  })
  t.teardown(() => db.end())
  const browser = Buffer.alloc(32)
  const query = async (text: string, values: unknown[] = []) => (await db.query({ text, values })).rows
  const candidates = async (typed: string) =>
    (await findSignInCandidates(db, typedName(typed), browser, 'instead')).map(({ sub }): string => sub).sort()
  const stored = async () =>
    Object.fromEntries(
      (await query('SELECT sub, username, email, verified_at FROM accounts LEFT JOIN account_emails USING (sub)')).map(
        ({ sub, username, email, verified_at: verifiedAt }) => [
          sub,
          [username, email, verifiedAt === null ? 'unverified' : 'verified'],
        ],
      ),
    )
  const eventsOf = async (type: string) =>
    (await query('SELECT sub, detail FROM events WHERE type = $1 ORDER BY sub', [type])).map(({ sub, detail }) => [
      sub,
      detail,
    ])

  const released = mkdtempSync(join(tmpdir(), 'signet-test-'))
  t.teardown(() => rmSync(released, { recursive: true, force: true }))
  const migrations = readdirSync(join(packageFolder, 'sql'))
    .filter((file) => file.endsWith('.sql'))
    .sort()
  for (const file of migrations.slice(
    0,
    migrations.findIndex((file) => file.includes('canonical-names')),
  ))
    copyFileSync(join(packageFolder, 'sql', file), join(released, file))
  await migrate({ connection, schema, log: noLog, folder: released })
  t.same(await query("SELECT lower('I') AS i"), [{ i: 'ı' }])

  /** Accounts as the previous release stored them: sub, user name, address, and the day on which it was verified. */
  const old: [sub: string, username: string | null, email: string | null, verified: string | null][] = [
    ['irmak-1', 'IRMAK', 'IDA@example.com', '2020-01-01'],
    ['irmak-2', 'irmak', 'ida@example.com', '2021-01-01'],
    ['ilgaz', 'ılgaz', null, null],
    ['emile', 'Émile', 'emile@example.com', null],
    ['decomposed', 'e\u0301tienne', 'e\u0301tienne@example.com', '2020-01-01'],
    ['ligature', 'ﬁn', 'a b@example.com', null],
    ['ligature-first', 'fin', null, null],
    ['mixed', 'Аda', null, null],
    ['a-sub', 'ÀÀÀÀÀÀÀÀÀÀÀÀÀÀÀÀÀÀÀÀÀÀ', null, null],
    ['half', '½', null, null],
    ['unicode-first', null, 'ada@münchen.example', '2020-01-01'],
    ['punycode-later', null, 'ada@xn--mnchen-3ya.example', '2021-01-01'],
    ['unicode-later', null, 'bob@münchen.example', '2021-01-01'],
    ['punycode-first', null, 'bob@xn--mnchen-3ya.example', '2020-01-01'],
    ['unicode-twin', null, 'bob@mu\u0308nchen.example', null],
    ['invisible', null, 'x\u200by@münchen.example', null],
  ]
  const insertOld = async ([sub, username, email, verified]: (typeof old)[number]) => {
    await query('INSERT INTO accounts (sub, username) VALUES ($1, $2)', [sub, username])
    await query(`INSERT INTO account_credentials (sub, kind, secret) VALUES ($1, 'password', 'hash')`, [sub])
    if (email !== null)
      await query('INSERT INTO account_emails (sub, email, verified_at) VALUES ($1, $2, $3)', [sub, email, verified])
  }
  for (const account of old) await insertOld(account)
  await migrate({ connection, schema, log: noLog })

  /** By an address that another account has verified, only that one is found. */
  const everybodySignsIn = async (t: Test, when: string, displaced: readonly string[]) => {
    for (const [sub, username, email] of old)
      for (const name of [username, email])
        if (name !== null)
          t.equal(
            (await candidates(name)).includes(sub),
            name !== email || !displaced.includes(sub),
            `${when}, whether ${sub} is found by ${name}`,
          )
  }

  t.test('everybody is found by their existing names', async (t) => {
    await everybodySignsIn(t, 'before names are converted', ['irmak-2', 'unicode-twin'])
    t.ok((await candidates('émile')).includes('emile'), 'and with other capitals, as before')
    t.same(await candidates('Irmak'), ['irmak-1', 'irmak-2'])
    t.same(await candidates('IRMAK'), ['irmak-1', 'irmak-2'])
    t.same(await candidates('ılgaz'), ['ilgaz'])
    const [exact] = await findAccountsByIdentifier(db, typedName('irmak'), 21)
    t.match(exact, { account: { sub: 'irmak-2' }, unambiguous: true })
    t.match(await findAccountsByIdentifier(db, typedName('Irmak'), 21), [
      { unambiguous: false },
      { unambiguous: false },
    ])
  })

  t.test('of two verified addresses that are the same, the first stays verified', async (t) => {
    const { 'irmak-1': first, 'irmak-2': second } = await stored()
    t.same([first?.[2], second?.[2]], ['verified', 'unverified'])
    t.same(await eventsOf('email_unverified'), [['irmak-2', { by: 'schedule', reason: 'same_address' }]])
    t.equal(await setEmailVerified(db, 'irmak-2' as Sub), 'email_taken')
  })

  t.test(
    'a name that differs from another in nothing but its case counts as taken, and a look-alike does not',
    async (t) => {
      const insert = (sub: string, username: string) =>
        insertAccount(db, { sub: sub as Sub, profile: { username }, email: undefined, passwordHash: undefined })
      t.equal(await insert('late', 'Irmak'), 'username_taken')
      t.equal(await insert('isil', 'ISIL'), 'done')
      t.equal(await insert('late', 'isil'), 'username_taken')
      t.equal(await insert('late', 'Isil'), 'username_taken')
    },
  )

  t.test('a look-alike of an address is a different address, which nobody has verified', async (t) => {
    const looksLike: [string, string][] = [
      ['Isa@example.com', 'ısa@example.com'],
      ['isa@example.com', 'İsa@example.com'],
      ['sam@example.com', 'ſam@example.com'],
      ['émile@example.org', 'Émile@example.org'],
      ['a@iris.example', typedName('a@ıris.example').key],
      ['a@iris.example', typedName('a@İris.example').key],
    ]
    for (const [index, [email, other]] of looksLike.entries()) {
      const sub = `look-alike-${index}` as Sub
      await insertAccount(db, { sub, profile: {}, email, passwordHash: undefined })
      await setEmailVerified(db, sub)
      const change = (to: string) =>
        inTransaction(db, (tx) => replaceSignInNames(tx, sub, { username: undefined, email: to }))
      await change(asciiLowerCase(email))
      t.match(await findAccount(db, sub), { email_verified: true }, email)
      await change(other)
      t.match(await findAccount(db, sub), { email: other, email_verified: false }, other)
    }
  })

  t.test('the database folds A to Z like the application', async (t) => {
    const odd = 'AZazIiıİſ\u212aÉéΣσςßẞ@\u0130.'
    t.same(await query('SELECT lower($1 COLLATE "C") AS folded', [odd]), [{ folded: asciiLowerCase(odd) }])
  })

  t.test('two nodes convert the names that need it, once', async (t) => {
    const before = await query('SELECT sub FROM names_to_convert')
    t.ok(before.length > 8)
    await Promise.all([convertNames(db, noLog), convertNames(db, noLog)])
    t.same(await query('SELECT sub FROM names_to_convert'), [])
    const converted = {
      emile: ['émile', 'emile@example.com', 'unverified'],
      decomposed: ['étienne', 'étienne@example.com', 'verified'],
      ligature: ['ﬁn', 'a b@example.com', 'unverified'],
      'ligature-first': ['fin', null, 'unverified'],
      mixed: ['аda', null, 'unverified'],
      half: ['½', null, 'unverified'],
      'unicode-first': [null, 'ada@xn--mnchen-3ya.example', 'verified'],
      'punycode-later': [null, 'ada@xn--mnchen-3ya.example', 'unverified'],
      'unicode-later': [null, 'bob@xn--mnchen-3ya.example', 'unverified'],
      'punycode-first': [null, 'bob@xn--mnchen-3ya.example', 'verified'],
      'unicode-twin': [null, 'bob@xn--mnchen-3ya.example', 'unverified'],
      invisible: [null, 'x\u200by@münchen.example', 'unverified'],
      'irmak-1': ['IRMAK', 'IDA@example.com', 'verified'],
      ilgaz: ['ılgaz', null, 'unverified'],
    }
    t.match(await stored(), converted)
    t.same(await eventsOf('email_unverified'), [
      ['irmak-2', { by: 'schedule', reason: 'same_address' }],
      ['punycode-later', { by: 'schedule', reason: 'same_address', verified_by: 'unicode-first' }],
      ['unicode-later', { by: 'schedule', reason: 'same_address', verified_by: 'punycode-first' }],
    ])
    t.same(
      (await eventsOf('names_converted')).map(([sub, detail]) => `${sub}: ${detail.claims}`),
      [
        'a-sub: username',
        'decomposed: username,email',
        'emile: username',
        'mixed: username',
        'unicode-first: email',
        'unicode-later: email',
        'unicode-twin: email',
      ],
    )
    t.equal(await convertNames(db, noLog), undefined)
    await everybodySignsIn(t, 'after names were converted', [
      'irmak-2',
      'punycode-later',
      'unicode-later',
      'unicode-twin',
    ])
    t.ok((await candidates('ÉTIENNE')).includes('decomposed'))
    t.ok((await candidates('ada@xn--mnchen-3ya.example')).includes('unicode-first'))
    t.ok((await candidates('ada@MÜNCHEN.example')).includes('unicode-first'))
  })

  t.test('statements of the previous release still work, and what they write is converted', async (t) => {
    await insertOld(['beside', 'Zoé', 'zoé@zürich.example', '2022-01-01'])
    t.ok((await candidates('zoé')).includes('beside'))
    await convertNames(db, noLog)
    t.match(await stored(), { beside: ['zoé', 'zoé@xn--zrich-kva.example', 'verified'] })
    const rename = 'UPDATE accounts SET updated_at = now(), username = $2 WHERE sub = $1'
    await query(rename, ['beside', 'Zoë'])
    await query(
      `DELETE FROM account_emails
       WHERE sub = $1 AND CASE WHEN is_primary THEN lower(email) IS DISTINCT FROM lower($2) ELSE lower(email) = lower($2) END`,
      ['beside', 'ZOÉ@xn--zrich-kva.example'],
    )
    await query(
      `INSERT INTO account_emails (sub, email) VALUES ($1, $2)
       ON CONFLICT (sub, lower(email)) DO UPDATE SET email = excluded.email`,
      ['beside', 'ZOÉ@xn--zrich-kva.example'],
    )
    t.same(await query('SELECT sub FROM names_to_convert'), [{ sub: 'beside' }])
    await convertNames(db, noLog)
    t.match(await stored(), { beside: ['zoë', 'ZOÉ@xn--zrich-kva.example', 'verified'] })
    t.same(await query('SELECT sub FROM accounts WHERE lower(username) = lower($1)', ['ZOË']), [{ sub: 'beside' }])
  })

  t.test('a name that somebody takes at the same time stays unchanged, and the others are converted', async (t) => {
    await insertOld(['unlucky', 'Ünal', null, null])
    await insertOld(['z-lucky', 'Özlem', null, null])
    await query(`
      CREATE FUNCTION taken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE unique_violation USING CONSTRAINT = 'accounts_username_key_idx'; END $$;
      CREATE TRIGGER taken BEFORE UPDATE ON accounts FOR EACH ROW WHEN (NEW.sub = 'unlucky') EXECUTE FUNCTION taken()`)
    const warnings: unknown[] = []
    await convertNames(db, { ...noLog, warn: (details: unknown) => warnings.push(details) })
    t.match(warnings, [{ sub: 'unlucky' }])
    t.match(await stored(), { unlucky: ['Ünal'], 'z-lucky': ['özlem'] })
    t.same(await query('SELECT sub FROM names_to_convert'), [])
    t.same(await candidates('Ünal'), ['unlucky'])
  })
})

const latin = await ownDatabase(t, "ENCODING 'LATIN1' LOCALE 'C'")
const refusal = titled('a start with an encoding other than UTF8 is rejected, and nothing is created', latin)

t.test(refusal.title, refusal, async (t) => {
  if ('whyNot' in latin) return
  const place = { connection: latin.connection, schema: 'signet', log: noLog }
  await t.rejects(migrate(place), { name: 'MigrationError', message: /UTF8.*LATIN1/ })
  await t.rejects(migrate(place), { name: 'MigrationError' }, 'nor the second time')
})
