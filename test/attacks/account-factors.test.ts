import t from 'tap'
import { markup } from '../html/sample-pages.tsx'
import type { Browser, Visit } from '../support/browser.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { createAuthenticator, givePasskey, pressNewPasskey } from '../support/passkeys.ts'
import { oneTimeCode } from '../support/totp.ts'
import { cookiesOf, enter, hiddenOf, newPassword, outcomeOf } from './account-forms.ts'
import { postForm } from './send.ts'

const idp = await startSignet(t)
const query = async <Row = Record<string, unknown>>(text: string, values: unknown[] = []) =>
  (await idp.signet.database.query({ text, values })).rows as Row[]

const security = '/account/security'
const newCodes = `${security}/codes/new`
const newPasskey = `${security}/passkeys/new`

const kindsOf = async ({ sub }: Person) =>
  (await query<{ kind: string }>('SELECT kind FROM account_credentials WHERE sub = $1 ORDER BY id', [sub])).map(
    ({ kind }) => kind,
  )
const eventsOf = async ({ sub }: Person, pattern: string) =>
  (
    await query<{ type: string }>('SELECT type FROM events WHERE sub = $1 AND type ~ $2 ORDER BY id', [sub, pattern])
  ).map(({ type }) => type)
/** As if the person had proven themselves longer ago than counts. */
const age = ({ sub }: Person) =>
  query(
    `UPDATE sessions SET auth_time = auth_time - interval '11 minutes', factor_time = factor_time - interval '11 minutes' WHERE sub = $1`,
    [sub],
  )
/** As if the person had just signed in with a passkey. */
const proveWithPasskey = ({ sub }: Person) =>
  query(`UPDATE sessions SET factor = 'passkey', factor_time = now(), auth_time = now() WHERE sub = $1`, [sub])
const keyOn = ({ text }: Visit) => /<code id="totp-key">([^<]*)</.exec(text)?.[1] ?? ''
const codeFor = (page: Visit, steps = 0) => oneTimeCode(keyOn(page), idp.signet.clock.now(), steps)
const codesOn = ({ text }: Visit) => [...text.matchAll(/<code>([0-9A-Z-]{17})<\/code>/g)].map(([, code]) => code)
const faultOn = ({ text }: Visit) =>
  /id="fault"[^>]*>([\s\S]*?)<\/div>/
    .exec(text)?.[1]
    ?.replaceAll(/<[^>]*>/g, '')
    .trim()
/** A page that needs a proof is never sent to anybody else. */
const isRefused = ({ status, location }: Visit) => status === 303 && location?.includes('/step-up?continue=')

async function enterWithCodes(
  person: Person,
): Promise<{ browser: Browser; key: string; codes: readonly (string | undefined)[] }> {
  const browser = await enter(idp, person)
  const page = await browser.get(newCodes)
  const shown = await browser.submit(page, 'confirm-codes', { code: codeFor(page) })
  if (shown.status !== 200) throw new Error(`${shown.status} ${shown.location}\n${shown.text}`)
  return { browser, key: keyOn(page), codes: codesOn(shown) }
}

t.test('one-time codes exist only once the first code is right, and recovery codes come with them', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  const page = await browser.get(newCodes)
  t.match(page.text, /<svg class="qr"/)
  t.match(page.text, /href="otpauth:\/\/totp\/Signet:/)
  t.notMatch(page.text, /style=/, 'the policy forbids it')
  t.match(keyOn(page), /^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/)
  for (const code of ['', '000000', 'abcdef', codeFor(page, 10), keyOn(page)]) {
    const again = await browser.submit(page, 'confirm-codes', { code })
    t.equal(again.status, 422)
    t.equal(keyOn(again), keyOn(page), 'the same secret, which is in the app already')
  }
  t.same(await kindsOf(person), ['password'])
  const before = browser.cookies.get(browser.names.session)
  const shown = await browser.submit(page, 'confirm-codes', { code: codeFor(page) })
  t.equal(shown.status, 200)
  t.equal(new Set(codesOn(shown)).size, 10)
  t.match(shown.headers.get('cache-control'), /no-store/)
  t.same(await kindsOf(person), ['password', 'totp', 'recovery_codes'])
  t.same(await eventsOf(person, 'totp|recovery_codes'), ['totp_added', 'recovery_codes_created'])
  t.not(browser.cookies.get(browser.names.session), before, 'the session has a new cookie')
  t.match(await query('SELECT factor, amr FROM sessions WHERE sub = $1', [person.sub]), [
    { factor: 'totp', amr: ['pwd', 'otp', 'mfa'] },
  ])

  const file = await browser.submit(shown, 'download-codes')
  t.match(file.headers.get('content-disposition'), /^attachment; filename="recovery-codes\.txt"$/)
  t.match(file.headers.get('content-type'), /^text\/plain/)
  t.same(
    file.text.split('\r\n').filter((line) => /^[0-9A-Z-]{17}$/.test(line)),
    codesOn(shown),
  )
  t.equal((await browser.get(`${security}/recovery-codes/download`)).status, 405, 'it cannot be opened again')
  const replayed = await browser.submit(page, 'confirm-codes', { code: codeFor(page) })
  t.equal(replayed.status, 422, 'the form works once')
})

t.test('a set-up of somebody else, of another session, of long ago, or made up, is not accepted', async (t) => {
  const [thief, person] = [await idp.person(), await idp.person()]
  const [theirs, own, elsewhere] = [await enter(idp, thief), await enter(idp, person), await enter(idp, person)]
  const [thiefs, page, other] = [await theirs.get(newCodes), await own.get(newCodes), await elsewhere.get(newCodes)]
  const setUp = (of: Visit) => hiddenOf(of, 'confirm-codes')['set-up'] ?? ''
  const tried: [string, Record<string, string>][] = [
    ['another person', { 'set-up': setUp(thiefs), code: codeFor(thiefs) }],
    ['another session of the person', { 'set-up': setUp(other), code: codeFor(other) }],
    ['none', { 'set-up': '', code: codeFor(page) }],
    ['the bare secret', { 'set-up': keyOn(page).replaceAll(' ', ''), code: codeFor(page) }],
    ['changed', { 'set-up': `${setUp(page).slice(0, -4)}AAAA`, code: codeFor(page) }],
    [
      'a sealed value of another kind',
      { 'set-up': setUp(page), account: hiddenOf(thiefs, 'confirm-codes')['account'] ?? '', code: codeFor(page) },
    ],
  ]
  for (const [what, values] of tried) {
    const { status, location } = await own.submit(page, 'confirm-codes', values)
    t.match([status, location], what.startsWith('a sealed') ? [303, /other-account/] : [422, undefined], what)
  }
  const { clock } = idp.signet
  const [now, form] = [clock.now.bind(clock), { code: codeFor(page) }]
  t.teardown(() => Object.assign(clock, { now }))
  Object.assign(clock, { now: () => now() + 1_801_000 })
  await query("UPDATE sessions SET auth_time = now() + interval '30 minutes' WHERE sub = $1", [person.sub])
  t.equal((await own.submit(page, 'confirm-codes', form)).status, 422, 'older than half an hour')
  Object.assign(clock, { now })
  t.same(await kindsOf(person), ['password'])
  t.same(await kindsOf(thief), ['password'])
})

t.test('of two browsers that set up codes at once, one wins and the other is told', async (t) => {
  const person = await idp.person()
  const browsers = await Promise.all([enter(idp, person), enter(idp, person)])
  const pages = await Promise.all(browsers.map((browser) => browser.get(newCodes)))
  const answers = await Promise.all(
    browsers.map((browser, index) => browser.submit(pages[index]!, 'confirm-codes', { code: codeFor(pages[index]!) })),
  )
  const [won] = answers.filter(({ status }) => status === 200)
  const [lost] = answers.filter((answer) => answer !== won)
  t.ok(won && lost)
  // Either the winner has ended its session, or it must prove the new codes first.
  t.match(lost?.location, /\/(sign-in|step-up)\?/)
  t.same(await kindsOf(person), ['password', 'totp', 'recovery_codes'])
  t.same(await eventsOf(person, 'totp_added'), ['totp_added'])
})

t.test('of two tabs that set up codes at once, one wins and the other says why it did not', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  const [one, two] = [await browser.get(newCodes), await browser.get(newCodes)]
  t.equal((await browser.submit(one, 'confirm-codes', { code: codeFor(one) })).status, 200)
  const late = await browser.submit(two, 'confirm-codes', { code: codeFor(two) })
  t.equal(late.status, 422)
  t.match(faultOn(late), /in another browser in the meantime, so this one was not set up/)
  t.not(keyOn(late), keyOn(two), 'and it offers a new set-up')
  const replaced = await browser.submit(late, 'confirm-codes', { code: codeFor(late) })
  t.match(replaced.location, /\/account\/security\?notice=codes-added$/, 'which replaces the first')
  t.same(await kindsOf(person), ['password', 'recovery_codes', 'totp'], 'without new recovery codes')
})

t.test('codes end the other sessions that were started with the password alone, and no others', async (t) => {
  const person = await idp.person()
  const [here, there, withPasskey] = [await enter(idp, person), await enter(idp, person), await enter(idp, person)]
  const { rows } = await idp.signet.database.query<{ id: number }>({
    text: `UPDATE sessions SET factor = 'passkey', factor_time = now() WHERE id = (SELECT max(id) FROM sessions WHERE sub = $1) RETURNING id`,
    values: [person.sub],
  })
  t.equal(rows.length, 1)
  const page = await here.get(newCodes)
  t.equal((await here.submit(page, 'confirm-codes', { code: codeFor(page) })).status, 200)
  t.equal((await here.get('/account')).status, 200)
  t.match((await there.get('/account')).location, /\/sign-in/)
  t.equal((await withPasskey.get('/account')).status, 200)
})

t.test('a stolen session can neither see nor send a form that changes a factor', async (t) => {
  const person = await idp.person()
  const { browser } = await enterWithCodes(person)
  await givePasskey(idp, person, { name: 'First' })
  await givePasskey(idp, person, { name: 'Second' })
  t.ok(isRefused(await browser.get(newPasskey)), 'a fresh code is not enough for an account with a passkey')
  await proveWithPasskey(person)
  const page = await browser.get(security)
  const forms: [path: string, values: Record<string, string>][] = [
    ['passkeys/rename', { ...hiddenOf(page, 'rename-passkey-1'), 'passkey-name-1': 'Mine' }],
    ['passkeys/remove', hiddenOf(page, 'remove-passkey-1')],
    ['codes/remove', hiddenOf(page, 'remove-codes')],
    ['password/remove', hiddenOf(page, 'remove-password')],
    ['passkeys/new', { ...hiddenOf(page, 'remove-codes'), credential: '{}' }],
    ['codes/new', { ...hiddenOf(page, 'remove-codes'), code: '000000' }],
    ['recovery-codes', hiddenOf(page, 'remove-codes')],
    ['password', { ...hiddenOf(page, 'remove-codes'), 'new-password': newPassword }],
  ]
  const change = {
    ...hiddenOf(page, 'password-change'),
    'current-password': person.password,
    'new-password': newPassword,
  }
  const state = () =>
    query('SELECT id, kind, secret, updated_at FROM account_credentials WHERE sub = $1 ORDER BY id', [person.sub])
  const before = await state()
  await age(person)
  const seen = await browser.get(security)
  t.match(seen.text, /id="confirm-it-is-you"/)
  for (const id of ['rename-passkey-1', 'remove-passkey-1', 'remove-codes', 'remove-password', 'password-change'])
    t.notMatch(seen.text, `id="${id}"`, id)
  for (const path of [newPasskey, newCodes, `${security}/recovery-codes`])
    t.ok(isRefused(await browser.get(path)), path)
  for (const [path, values] of forms) t.ok(isRefused(await browser.post(`${security}/${path}`, values)), path)
  t.ok(isRefused(await browser.post('/account/password', change)), 'not even with the password')
  t.same(await state(), before)

  // The forms do what they say once the person has proven themselves.
  await proveWithPasskey(person)
  for (const [path, values] of forms.slice(0, 3)) {
    const { status, location } = await browser.post(`${security}/${path}`, values)
    t.match([status, location], [303, /notice=(passkey-renamed|passkey-removed|codes-removed)$/], path)
  }
  t.same(await kindsOf(person), ['password', 'recovery_codes', 'passkey'])
})

t.test('a form from another site, and a form of another account, change nothing', async (t) => {
  const [person, other] = [await idp.person(), await idp.person()]
  const [{ browser }, { browser: others }] = [await enterWithCodes(person), await enterWithCodes(other)]
  const [page, theirs] = [await browser.get(security), await others.get(security)]
  for (const path of [
    'codes/remove',
    'passkeys/remove',
    'recovery-codes',
    'codes/new',
    'passkeys/new',
    'password/remove',
  ]) {
    const foreign = await postForm(
      idp,
      `${security}/${path}`,
      new URLSearchParams(hiddenOf(page, 'remove-codes')).toString(),
      {
        cookie: cookiesOf(browser),
        origin: 'https://evil.example',
      },
    )
    t.equal(foreign.status, 403, path)
    t.match(
      (await browser.post(`${security}/${path}`, hiddenOf(theirs, 'remove-codes'))).location,
      /other-account$/,
      path,
    )
  }
  t.same(await kindsOf(person), ['password', 'totp', 'recovery_codes'])

  await givePasskey(idp, other)
  await givePasskey(idp, person)
  await proveWithPasskey(other)
  await proveWithPasskey(person)
  const { passkey = '' } = hiddenOf(await others.get(security), 'remove-passkey-1')
  const own = hiddenOf(await browser.get(security), 'remove-passkey-1')
  for (const path of ['remove', 'rename']) {
    const values = { ...own, passkey, 'passkey-name-1': 'Mine' }
    t.match((await browser.post(`${security}/passkeys/${path}`, values)).location, /factor-gone$/, path)
  }
  t.match(await query('SELECT name FROM passkeys WHERE sub = $1', [other.sub]), [{ name: 'Test passkey' }])
})

t.test('of two browsers that remove the last two ways to sign in at once, one is refused', async (t) => {
  const person = await idp.person()
  await givePasskey(idp, person)
  const browsers = await Promise.all([enter(idp, person), enter(idp, person)])
  await proveWithPasskey(person)
  const pages = await Promise.all(browsers.map((browser) => browser.get(security)))
  const answers = await Promise.all([
    browsers[0]!.submit(pages[0]!, 'remove-password'),
    browsers[1]!.submit(pages[1]!, 'remove-passkey-1'),
  ])
  t.equal(answers.filter(({ location }) => /-removed$/.test(location ?? '')).length, 1)
  t.equal((await kindsOf(person)).length, 1, 'something to sign in with is left')
  const [password] = await query('SELECT FROM replaced_passwords WHERE sub = $1', [person.sub])
  t.equal(
    password !== undefined,
    (await kindsOf(person))[0] === 'passkey',
    'a removed password still proves the owner for a week',
  )
})

t.test(
  'the last way to sign in stays, and so does a factor without which the password would be too short',
  async (t) => {
    const person = await idp.person()
    await givePasskey(idp, person)
    const browser = await enter(idp, person)
    await proveWithPasskey(person)
    const both = await browser.get(security)
    t.match((await browser.submit(both, 'remove-password')).location, /password-removed$/)
    const only = await browser.get(security)
    t.notMatch(only.text, 'id="remove-passkey-1"')
    t.match(only.text, /you could no longer sign in/)
    t.equal((await browser.submit(both, 'remove-passkey-1')).status, 422)
    t.same(await kindsOf(person), ['passkey'])
    t.same(await eventsOf(person, 'removed'), ['password_removed'])

    const weak = await browser.submit(only, 'set-password', { 'new-password': 'short one' })
    t.equal(weak.status, 422)
    t.match((await browser.submit(only, 'set-password', { 'new-password': newPassword })).location, /password-added$/)
    t.match(
      (await browser.submit(only, 'set-password', { 'new-password': `${newPassword}!` })).location,
      /factor-gone$/,
    )

    const { browser: with2, key } = await enterWithCodes(await idp.person())
    const page = await with2.get(security)
    t.match(page.text, /At least 8 characters/)
    t.ok(key)
    const [{ sub } = { sub: '' }] = await query<{ sub: string }>(
      'SELECT sub FROM totp_secrets ORDER BY id DESC LIMIT 1',
    )
    await query(`UPDATE account_credentials SET is_short = true WHERE kind = 'password' AND sub = $1`, [sub])
    t.match((await with2.get(security)).text, /your password would be too short on its own/)
    const refused = await with2.submit(page, 'remove-codes')
    t.equal(refused.status, 422)
    t.match(faultOn(refused), /too short on its own/)
  },
)

t.test('a name with markup is text, and one of ten thousand characters is refused', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  const authenticator = createAuthenticator(idp)
  const shown = await pressNewPasskey(browser, await browser.get(newPasskey), authenticator, {
    values: { name: markup.slice(0, 60) },
  })
  t.equal(codesOn(shown).length, 10, 'the first passkey comes with recovery codes')
  t.match(await query('SELECT factor, amr FROM sessions WHERE sub = $1', [person.sub]), [
    { factor: 'passkey', amr: ['pwd', 'pop', 'user', 'mfa'] },
  ])
  const page = await browser.get(security)
  t.match(page.text, '&lt;script>')
  t.notMatch(page.text, '<script>alert')
  for (const name of ['x'.repeat(10_000), '', '   ', 'right\u202eleft', 'a\u0000b', 'x'.repeat(61)]) {
    const refused = await browser.submit(page, 'rename-passkey-1', { 'passkey-name-1': name })
    t.ok([400, 422].includes(refused.status), `${name.length} characters`)
  }
  t.match((await browser.submit(page, 'rename-passkey-1', { 'passkey-name-1': ' My phone ' })).location, /renamed$/)
  const added = await pressNewPasskey(browser, await browser.get(newPasskey), authenticator, {
    values: { name: 'x'.repeat(500) },
  })
  t.match(added.location, /passkey-added$/, 'a new passkey gets another name instead, because it exists on the device')
  t.same(
    (await query<{ name: string }>('SELECT name FROM passkeys WHERE sub = $1 ORDER BY id', [person.sub])).map(
      (row) => row.name,
    ),
    ['My phone', 'Unknown device'],
  )
})

t.test('an account has at most twenty passkeys', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  for (let count = 0; count < 19; count++) await givePasskey(idp, person, { name: `Passkey ${count}` })
  await proveWithPasskey(person)
  const authenticator = createAuthenticator(idp)
  const [one, two] = [await browser.get(newPasskey), await browser.get(newPasskey)]
  t.match((await pressNewPasskey(browser, one, authenticator)).location, /passkey-added$/)
  t.equal((await pressNewPasskey(browser, two, authenticator)).status, 422)
  t.notMatch((await browser.get(newPasskey)).text, 'create-passkey')
  t.equal((await kindsOf(person)).filter((kind) => kind === 'passkey').length, 20)
})

t.test('new recovery codes replace the old ones, and go with the last factor', async (t) => {
  const person = await idp.person()
  const { browser, codes } = await enterWithCodes(person)
  const shown = await browser.submit(await browser.get(`${security}/recovery-codes`), 'create-recovery-codes')
  t.equal(codesOn(shown).length, 10)
  t.notOk(codesOn(shown).some((code) => codes.includes(code)))
  const others = await enterWithCodes(await idp.person())
  const { codes: sealed = '' } = hiddenOf(shown, 'download-codes')
  const mine = await others.browser.get(security)
  const stolen = await others.browser.post(`${security}/recovery-codes/download`, {
    ...hiddenOf(mine, 'remove-codes'),
    codes: sealed,
  })
  t.equal(stolen.status, 422, 'another person cannot download them')
  t.match((await browser.submit(await browser.get(security), 'remove-codes')).location, /codes-removed$/)
  t.same(await kindsOf(person), ['password'])
  t.equal(outcomeOf(await browser.post(`${security}/recovery-codes`, hiddenOf(shown, 'download-codes'))), security)
})

t.test('a set-up in the middle of a sign-in goes on to where it was asked for', async (t) => {
  const client = await idp.client()
  const person = await idp.person()
  for (const path of [newPasskey, newCodes]) {
    const browser = await enter(idp, person)
    const parameters = new URLSearchParams(authorizationParameters(client, pkce()))
    const asked = await idp.browser().get(`/authorize?${parameters}`)
    const next = new URL(asked.location ?? '').searchParams.get('continue') ?? ''
    const page = await browser.get(`${path}?continue=${next}`)
    const done =
      path === newCodes
        ? await browser.submit(page, 'confirm-codes', { code: codeFor(page) })
        : await pressNewPasskey(browser, page, createAuthenticator(idp))
    t.match(done.text || done.location, `/authorize?continue=`, path)
    t.equal((await browser.get(`${path}?continue=forged`)).status, 400)
    await query(`DELETE FROM account_credentials WHERE sub = $1 AND kind <> 'password'`, [person.sub])
  }
})

t.test('a replaced app is as old as the first one for the rule about planted factors', async (t) => {
  const person = await idp.person()
  const { browser } = await enterWithCodes(person)
  await query(
    `UPDATE account_credentials SET created_at = now() - interval '9 days', factors_since = now() - interval '9 days'
     WHERE sub = $1 AND kind = 'totp'`,
    [person.sub],
  )
  const page = await browser.get(newCodes)
  t.match((await browser.submit(page, 'confirm-codes', { code: codeFor(page) })).location, /codes-added$/)
  t.match(
    await query(
      `SELECT is_vouched, factors_since < now() - interval '8 days' AS is_old FROM account_credentials WHERE sub = $1 AND kind = 'totp'`,
      [person.sub],
    ),
    [{ is_vouched: true, is_old: true }],
  )
})

t.test(
  'the person is told by mail of each change, and applications keep their access when an app is set up',
  async (t) => {
    const person = await idp.person()
    const verified = 'UPDATE account_emails SET verified_at = now() WHERE sub = $1'
    await query(verified, [person.sub])
    const { redeem } = await signIn(idp, await idp.client(), { person })
    const { body } = await redeem()
    const { browser } = await enterWithCodes(person)
    t.match(await query('SELECT ended_at FROM grants WHERE sub = $1', [person.sub]), [{ ended_at: null }])
    t.ok(body.refresh_token, 'one with offline_access')
    await browser.submit(await browser.get(`${security}/recovery-codes`), 'create-recovery-codes')
    await givePasskey(idp, person)
    await proveWithPasskey(person)
    const page = await browser.get(security)
    for (const id of ['remove-codes', 'remove-password']) t.match((await browser.submit(page, id)).location, /removed$/)
    await browser.submit(await browser.get(security), 'set-password', { 'new-password': newPassword })
    await browser.submit(await browser.get(security), 'remove-passkey-1')
    const notices = await query<{ kind: string }>('SELECT kind FROM account_notices WHERE sub = $1 ORDER BY at, kind', [
      person.sub,
    ])
    t.same(
      notices.map(({ kind }) => kind).filter((kind) => !kind.startsWith('sign-in')),
      ['factor-added', 'recovery-codes-replaced', 'factor-removed', 'factor-removed', 'factor-added', 'factor-removed'],
    )
  },
)

t.test('where a second factor is required, a sign-in leads to setting one up, and the last one stays', async (t) => {
  const strict = await idp.another({ SIGNET_SECOND_FACTOR: 'required' })
  const person = await strict.person()
  const browser = await enter(strict, person)
  const gate = await browser.follow(await browser.get(security))
  const [, href = ''] = /href="(\/account\/security\/codes\/new[^"]*)"/.exec(gate.text) ?? []
  const page = await browser.get(href.replaceAll('&amp;', '&'))
  const shown = await browser.submit(page, 'confirm-codes', { code: codeFor(page) })
  t.equal(codesOn(shown).length, 10, gate.text)
  const own = await browser.get(security)
  t.equal(own.status, 200)
  t.match(own.text, /this service requires a second factor/)
  t.equal((await browser.post(`${security}/codes/remove`, hiddenOf(shown, 'download-codes'))).status, 422)
  t.same(await kindsOf(person), ['password', 'totp', 'recovery_codes'])
})
