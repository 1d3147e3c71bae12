import t from 'tap'
import { disableAccount } from '../../src/operations/account-access.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import { listCredentials } from '../../src/records/accounts/account-credentials-store.ts'
import { insertRecovery } from '../../src/records/accounts/account-recoveries-store.ts'
import { newLinkToken } from '../../src/records/accounts/link-tokens.ts'
import { type RecoveryProof, recoveryMinutes, recoveryNeeds } from '../../src/records/accounts/recovery-rule.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { type GivenFactors, giveFactors, kindsOf } from '../support/factors.ts'
import { type Idp, type Person, startSignet } from '../support/idp.ts'
import { mailsTo } from '../support/mails.ts'
import { createAuthenticator, pressNewPasskey, pressPasskey } from '../support/passkeys.ts'
import { mailedLink, newPassword, verifiedPerson } from '../support/recovery.ts'

const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' })
/** The same installation without passwords. */
const passwordless = await idp.another({ SIGNET_PASSWORDS: 'off' })

const query = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows
const eventsOf = ({ sub }: Person, type: string) =>
  query('SELECT detail FROM events WHERE sub = $1 AND type = $2 ORDER BY id', [sub, type])

/** In alphabetical order: mails that are queued together are sent at the same time. */
const subjectsTo = async ({ email }: Person) => (await mailsTo(idp, email)).map(({ subject }) => subject).sort()

let networks = 0
const elsewhere = () => ({ 'x-forwarded-for': `2001:db8:${(++networks).toString(16)}::1` })

/** Whether the password is the one of the account, however many factors a sign-in needs. */
async function isPassword(person: Person, password: string): Promise<boolean> {
  const signedIn = await idp.browser().post('/sign-in', { username: person.username, password }, elsewhere())
  return signedIn.status === 303
}

/** The link of a mail, without the mail. */
async function linkTo({ sub, email }: Person): Promise<string> {
  const token = newLinkToken()
  const link = { digest: digest(token), sub, email, continuation: undefined, minutes: recoveryMinutes }
  await insertRecovery(idp.signet.database, link)
  return `/recover/password?token=${token}`
}

const asksForProof = ({ status, text }: Visit) => status === 200 && text.includes('<h1>Is it you?</h1>')
const asksForPassword = ({ status, text }: Visit) => status === 200 && text.includes('id="set-password"')
const isVoid = ({ status }: Visit) => status === 410

/** Sends the form of a proof, also if the page does not have it, and returns the page of the link afterwards. */
async function prove(
  on: Idp,
  browser: Browser,
  link: string,
  proof: RecoveryProof,
  factors: GivenFactors,
  password: string,
): Promise<Visit> {
  const page = await browser.get(link)
  const token = new URL(link, on.issuer).searchParams.get('token') ?? ''
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1]
  const send = (form: Record<string, string>) =>
    browser.post('/recover/password/proof', { ...(csrf && { csrf }), token, ...form }, elsewhere())
  if (proof === 'passkey' && page.text.includes('id="use-passkey"') && factors.passkey)
    await pressPasskey(browser, page, factors.passkey)
  else if (proof === 'passkey') await send({ credential: '{}' })
  else if (proof === 'totp') await send({ code: factors.code() })
  else if (proof === 'recovery_code') await send({ code: factors.recoveryCodes[0] ?? 'AAAA-AAAA-AAAA-AAAA' })
  else await send({ password })
  return browser.get(link)
}

const proofs = ['passkey', 'totp', 'recovery_code', 'earlier_password'] as const
const sets = [
  ['passkey', 'recovery_codes'],
  ['totp'],
  ['totp', 'recovery_codes'],
  ['passkey', 'totp', 'recovery_codes'],
] as const

t.test(
  'a link leads on exactly with the proofs of the rule, whatever the account has, since when, and whether passwords are on',
  async (t) => {
    for (const on of [idp, passwordless])
      for (const kinds of sets)
        for (const days of [6, 8])
          for (const proof of proofs) {
            const person = await verifiedPerson(idp)
            const factors = await giveFactors(idp, person, kinds, { days })
            const { settings, clock, database } = on.signet
            const credentials = await listCredentials(database, person.sub)
            const wanted = (['password', 'passkey'] as const)
              .slice(settings.passwordSignIn === 'on' ? 0 : 1)
              .filter((set) => recoveryNeeds(credentials, settings, set, clock.now())?.includes(proof))
            const browser = on.browser()
            const link = await linkTo(person)
            const what = `${kinds.join(', ')}, ${days} days, ${proof}, passwords ${settings.passwordSignIn}`
            t.ok(asksForProof(await browser.get(link)), `${what}: the link alone leads nowhere`)
            const after = await prove(on, browser, link, proof, factors, person.password)
            t.equal(asksForProof(after), wanted.length === 0, what)
            t.equal(after.text.includes('id="set-password"'), wanted.includes('password'), `${what}: a password`)
            t.equal(after.text.includes('id="create-passkey"'), wanted.includes('passkey'), `${what}: a passkey`)
          }
  },
)

t.test('a mail brings a link for an account with factors', async (t) => {
  const person = await verifiedPerson(idp)
  await giveFactors(idp, person, ['passkey'], { days: 9 })
  t.ok(asksForProof(await idp.browser().get(await mailedLink(idp, person))))
  t.match(await eventsOf(person, 'recovery_requested'), [{ detail: { mail: 'sent' } }])
})

t.test('somebody who can read the mail of a person with one-time codes changes nothing', async (t) => {
  for (const days of [0, 8]) {
    const person = await verifiedPerson(idp)
    await giveFactors(idp, person, ['totp', 'recovery_codes'], { days })
    const browser = idp.browser()
    const link = await linkTo(person)
    const page = await browser.get(link)
    t.equal(page.text.includes('Password from before'), days === 0)
    const token = new URL(link, idp.issuer).searchParams.get('token') ?? ''
    const forms: Record<string, string>[] = [
      { 'new-password': newPassword },
      { 'new-password': newPassword, code: '000000', password: person.password },
      { credential: '{}' },
    ]
    for (const form of forms) {
      const sent = await browser.post('/recover/password', { token, ...form })
      t.match(sent, { status: 303, location: /\/recover\/password\?token=/ })
    }
    t.match(await browser.submit(page, 'prove-code', { code: '000000' }), { status: 403, text: /not valid/ })
    t.match(await browser.submit(page, 'prove-code', { code: '' }), { status: 422 })
    t.notOk(await isPassword(person, newPassword))
    t.ok(await isPassword(person, person.password))
    t.same(await kindsOf(idp, person), ['password', 'recovery_codes', 'totp'])
    t.same(await eventsOf(person, 'password_recovered'), [])
  }
})

t.test('a thief who knew the password planted codes, and a passkey with them: the owner gets both out', async (t) => {
  const owner = await verifiedPerson(idp)
  await giveFactors(idp, owner, ['totp', 'recovery_codes'], { days: 3 })
  const { passkey } = await giveFactors(idp, owner, ['passkey'], { isVouched: true })
  // Then the thief replaced the password, twice.
  const changePassword = async (password: string) => {
    await query(
      `INSERT INTO replaced_passwords (sub, secret, expires_at)
       SELECT sub, secret, now() + interval '7 days' FROM account_credentials WHERE sub = $1 AND kind = 'password'
       ON CONFLICT DO NOTHING`,
      [owner.sub],
    )
    const hash = await idp.signet.passwords.hash(password, { network: undefined })
    await query(`UPDATE account_credentials SET secret = $2 WHERE sub = $1 AND kind = 'password'`, [owner.sub, hash])
  }
  await changePassword('the choice of the thief')
  await changePassword('another choice of the thief')
  const browser = idp.browser()
  const link = await linkTo(owner)
  const page = await browser.get(link)
  t.match(await browser.submit(page, 'prove-password', { password: 'the choice of the thief' }), { status: 403 })
  const proven = await browser.submit(page, 'prove-password', { password: owner.password })
  t.equal(proven.status, 303)
  t.same((await kindsOf(idp, owner)).length, 4, 'nothing has changed yet')
  const set = await browser.submit(await browser.follow(proven), 'set-password', { 'new-password': newPassword })
  t.equal(set.status, 303)
  t.same(await subjectsTo(owner), [
    'A way to sign in to Signet was removed',
    'A way to sign in to Signet was removed',
    'Your password for Signet was changed',
  ])
  t.same(await kindsOf(idp, owner), ['password'])
  t.ok(await isPassword(owner, newPassword))
  if (passkey) {
    const signIn = await idp.browser().get('/sign-in')
    t.match(await pressPasskey(idp.browser(), signIn, passkey), { status: 403 })
  }
  t.match(await eventsOf(owner, 'password_recovered'), [{ detail: { proof: 'earlier_password' } }])
})

t.test('a thief with mailbox and password', async (t) => {
  t.test('does not get past factors that the account has had for a week', async (t) => {
    const owner = await verifiedPerson(idp)
    await giveFactors(idp, owner, ['totp'], { days: 7 })
    const young = await giveFactors(idp, owner, ['passkey'], { isVouched: true })
    const browser = idp.browser()
    const link = await linkTo(owner)
    t.ok(asksForProof(await prove(idp, browser, link, 'earlier_password', young, owner.password)))
    t.same(await kindsOf(idp, owner), ['passkey', 'password', 'totp'])
  })

  t.test('does not get past the passkey with which the account was created, however young it is', async (t) => {
    const owner = await verifiedPerson(idp)
    await query(`DELETE FROM account_credentials WHERE sub = $1`, [owner.sub])
    const factors = await giveFactors(idp, owner, ['passkey', 'recovery_codes'])
    const hash = await idp.signet.passwords.hash(owner.password, { network: undefined })
    await query(`INSERT INTO account_credentials (sub, kind, secret) VALUES ($1, 'password', $2)`, [owner.sub, hash])
    const link = await linkTo(owner)
    t.ok(asksForProof(await prove(idp, idp.browser(), link, 'earlier_password', factors, owner.password)))
  })

  t.test('cannot use a passkey or a code of another account', async (t) => {
    const owner = await verifiedPerson(idp)
    await giveFactors(idp, owner, ['passkey', 'totp', 'recovery_codes'], { days: 9 })
    const thief = await verifiedPerson(idp)
    const own = await giveFactors(idp, thief, ['passkey', 'totp', 'recovery_codes'], { days: 9 })
    const link = await linkTo(owner)
    for (const proof of proofs)
      t.ok(asksForProof(await prove(idp, idp.browser(), link, proof, own, thief.password)), proof)
  })
})

t.test('guesses of the password from before are limited, and the person can still sign in', async (t) => {
  const person = await verifiedPerson(idp)
  await giveFactors(idp, person, ['passkey'])
  const token = new URL(await linkTo(person), idp.issuer).searchParams.get('token') ?? ''
  const guess = () =>
    idp.browser().post('/recover/password/proof', { token, password: 'a guess of the thief' }, elsewhere())
  const statuses = new Set<number>()
  for (let guesses = 0; guesses < 31; guesses++) statuses.add((await guess()).status)
  t.same([...statuses], [403, 429], 'thirty forms for each link')
  t.equal((await eventsOf(person, 'reauthentication_failed')).length, 30)
  t.match((await eventsOf(person, 'reauthentication_failed'))[0], { detail: { at: 'recovery' } })
  await query(`UPDATE failed_sign_ins SET failures = 200, next_at = now() + interval '15 minutes'`)
  t.ok(await isPassword(person, person.password), 'waiting here is not waiting at sign-in')
  await query('DELETE FROM rate_limits')
  await query('DELETE FROM failed_sign_ins')
})

t.test('a proof', async (t) => {
  t.test('counts only in the browser in which it was made', async (t) => {
    const person = await verifiedPerson(idp)
    const factors = await giveFactors(idp, person, ['totp'], { days: 9 })
    const [mine, other] = [idp.browser(), idp.browser()]
    const link = await linkTo(person)
    const page = await prove(idp, mine, link, 'totp', factors, '')
    t.ok(asksForPassword(page))
    t.ok(asksForProof(await other.get(link)))
    const token = new URL(link, idp.issuer).searchParams.get('token') ?? ''
    t.match(await other.post('/recover/password', { token, 'new-password': newPassword }), {
      status: 303,
      location: /token=/,
    })
    t.notOk(await isPassword(person, newPassword))
    t.equal((await mine.submit(page, 'set-password', { 'new-password': newPassword })).status, 303)
  })

  t.test('is void as soon as the account has other factors', async (t) => {
    const changes: Record<string, (person: Person) => Promise<unknown>> = {
      'a passkey more': (person) => giveFactors(idp, person, ['passkey'], { isVouched: true }),
      'new recovery codes': (person) => giveFactors(idp, person, ['recovery_codes']),
      'other one-time codes': async (person) => {
        await query(`DELETE FROM account_credentials WHERE sub = $1 AND kind = 'totp'`, [person.sub])
        await giveFactors(idp, person, ['totp'], { isVouched: true })
      },
    }
    for (const [what, change] of Object.entries(changes)) {
      const person = await verifiedPerson(idp)
      const factors = await giveFactors(idp, person, ['totp'], { days: 9 })
      const browser = idp.browser()
      const link = await linkTo(person)
      const page = await prove(idp, browser, link, 'totp', factors, '')
      t.ok(asksForPassword(page))
      await change(person)
      t.ok(asksForProof(await browser.get(link)), what)
      const sent = await browser.submit(page, 'set-password', { 'new-password': newPassword })
      t.match(sent, { status: 303, location: /\/recover\/password\?token=/ }, what)
      t.notOk(await isPassword(person, newPassword), what)
    }
  })

  t.test('does not make a code work twice', async (t) => {
    const person = await verifiedPerson(idp)
    const { code } = await giveFactors(idp, person, ['totp'], { days: 9 })
    const link = await linkTo(person)
    const typed = code()
    const send = async () => {
      const browser = idp.browser()
      return browser.submit(await browser.get(link), 'prove-code', { code: typed })
    }
    const sent = await Promise.all([send(), send(), send()])
    t.same(sent.map(({ status }) => status).sort(), [303, 403, 403])
  })

  t.test('is worth nothing for an account that was disabled meanwhile', async (t) => {
    const person = await verifiedPerson(idp)
    const factors = await giveFactors(idp, person, ['totp'], { days: 9 })
    const browser = idp.browser()
    const link = await linkTo(person)
    const page = await prove(idp, browser, link, 'totp', factors, '')
    await disableAccount(idp.signet, { kind: 'operator', by: 'test' }, person.sub)
    t.ok(isVoid(await browser.get(link)))
    t.ok(isVoid(await browser.submit(page, 'set-password', { 'new-password': newPassword })))
    t.ok(isVoid(await browser.post('/recover/password/proof', { token: link.split('=')[1] ?? '', code: '123456' })))
  })
})

t.test('factors that are lost', async (t) => {
  const idsOf = async (person: Person) => {
    const credentials = await listCredentials(idp.signet.database, person.sub)
    return Object.fromEntries(
      credentials.filter(({ kind }) => kind !== 'password').map(({ id, kind }) => [kind, `remove-${id}`]),
    )
  }

  t.test('stay unless the person removes them, and a one-time code removes no passkey', async (t) => {
    const person = await verifiedPerson(idp)
    const factors = await giveFactors(idp, person, ['passkey', 'totp', 'recovery_codes'], { days: 9 })
    const browser = idp.browser()
    const page = await prove(idp, browser, await linkTo(person), 'totp', factors, '')
    const ids = await idsOf(person)
    t.notMatch(page.text, ids['passkey'])
    t.match(page.text, ids['totp'])
    const form = { 'new-password': newPassword, [ids['passkey'] ?? '']: '1', [ids['recovery_codes'] ?? '']: '1' }
    t.equal((await browser.submit(page, 'set-password', form)).status, 303)
    t.same(await kindsOf(idp, person), ['passkey', 'password', 'recovery_codes', 'totp'])
    t.match(await eventsOf(person, 'password_recovered'), [{ detail: { proof: 'totp', others_kept: 3 } }])
  })

  t.test('are removed with a recovery code, the other codes with the last of them', async (t) => {
    const person = await verifiedPerson(idp)
    const factors = await giveFactors(idp, person, ['totp', 'recovery_codes'], { days: 9 })
    const browser = idp.browser()
    const page = await prove(idp, browser, await linkTo(person), 'recovery_code', factors, '')
    const remove = { [(await idsOf(person))['totp'] ?? '']: '1' }
    t.match(page.text, 'At least 8 characters')
    const short = await browser.submit(page, 'set-password', { 'new-password': 'vzq kolm', ...remove })
    t.match(short, { status: 422, text: /too short/ }, 'the password is going to be the only factor')
    t.equal((await browser.submit(page, 'set-password', { 'new-password': newPassword, ...remove })).status, 303)
    t.same(await kindsOf(idp, person), ['password'])
    t.match(await eventsOf(person, 'password_recovered'), [
      { detail: { proof: 'recovery_code', removed: ['totp', 'recovery_codes'] } },
    ])
    t.same(await subjectsTo(person), [
      'A recovery code was used at Signet',
      'A way to sign in to Signet was removed',
      'Your password for Signet was changed',
    ])
  })

  t.test('leave a short password marked as one that cannot stay alone', async (t) => {
    const person = await verifiedPerson(idp)
    const factors = await giveFactors(idp, person, ['totp'], { days: 9 })
    const browser = idp.browser()
    const page = await prove(idp, browser, await linkTo(person), 'totp', factors, '')
    t.equal((await browser.submit(page, 'set-password', { 'new-password': 'vzq kolm' })).status, 303)
    const isShort = () =>
      query(`SELECT is_short FROM account_credentials WHERE sub = $1 AND kind = 'password'`, [person.sub])
    t.same(await isShort(), [{ is_short: true }])
  })
})

t.test('a new passkey instead of a password', async (t) => {
  t.test('replaces the password, and comes with recovery codes', async (t) => {
    for (const on of [idp, passwordless]) {
      const person = await verifiedPerson(idp)
      const browser = on.browser()
      const page = await browser.get(await linkTo(person))
      t.equal(page.text.includes('id="set-password"'), on === idp)
      const authenticator = createAuthenticator(idp)
      const done = await pressNewPasskey(browser, page, authenticator)
      t.match(done, { status: 200, text: /Your passkey is ready/ })
      t.same(await kindsOf(idp, person), ['passkey', 'recovery_codes'])
      t.notOk(await isPassword(person, person.password))
      const signIn = await on.browser().get('/sign-in')
      t.ok(signIn.text.includes('id="use-passkey"'))
      t.ok(isVoid(await browser.get(page.url)))
    }
  })

  t.test('is vouched for by what was proven, even if that is removed with it', async (t) => {
    const person = await verifiedPerson(idp)
    const factors = await giveFactors(idp, person, ['totp', 'recovery_codes'], { days: 9 })
    const browser = idp.browser()
    const page = await prove(idp, browser, await linkTo(person), 'recovery_code', factors, '')
    const totp = (await listCredentials(idp.signet.database, person.sub)).find(({ kind }) => kind === 'totp')
    const done = await pressNewPasskey(browser, page, createAuthenticator(idp), {
      values: { [`remove-${totp?.id}`]: '1' },
    })
    t.equal(done.status, 303, 'it has recovery codes already')
    t.same(await kindsOf(idp, person), ['passkey', 'recovery_codes'])
    const [passkey] = await query(
      `SELECT factors_since < now() - interval '8 days' AS is_old FROM account_credentials WHERE sub = $1 AND kind = 'passkey'`,
      [person.sub],
    )
    t.same(passkey, { is_old: true })
  })

  t.test('that somebody planted with the mailbox alone is removed with the password from before', async (t) => {
    const owner = await verifiedPerson(idp)
    const thief = idp.browser()
    await pressNewPasskey(thief, await thief.get(await linkTo(owner)), createAuthenticator(idp))
    t.same(await kindsOf(idp, owner), ['passkey', 'recovery_codes'])
    const browser = idp.browser()
    const page = await browser.get(await linkTo(owner))
    const proven = await browser.follow(await browser.submit(page, 'prove-password', { password: owner.password }))
    t.equal((await browser.submit(proven, 'set-password', { 'new-password': newPassword })).status, 303)
    t.same(await kindsOf(idp, owner), ['password'])
  })

  t.test('is not accepted if another browser or account was asked for it, or if it exists', async (t) => {
    const [person, other] = [await verifiedPerson(idp), await verifiedPerson(idp)]
    const [mine, theirs] = [idp.browser(), idp.browser()]
    const page = await mine.get(await linkTo(person))
    const otherPage = await theirs.get(await linkTo(other))
    const { create } = createAuthenticator(idp)
    const foreign = create(optionsOf(otherPage))
    t.equal((await mine.submit(page, 'create-passkey', { credential: foreign })).status, 422)
    const existing = await giveFactors(idp, other, ['passkey'])
    const credentialId = existing.passkey?.passkeys[0]?.credentialId
    const copied = create(optionsOf(page), { ...(credentialId && { credentialId }) })
    t.equal((await mine.submit(page, 'create-passkey', { credential: copied })).status, 422)
    t.same(await kindsOf(idp, person), ['password'])
    t.equal(
      (await pressNewPasskey(mine, await mine.get(page.url), createAuthenticator(idp))).status,
      200,
      'the link still works',
    )
  })
})

const optionsOf = ({ text }: Visit) =>
  (/data-passkey="create" data-options="([^"]+)"/.exec(text)?.[1] ?? '').replaceAll('&quot;', '"')

t.test(
  'recoveries race with people who add and remove factors: nobody gets in with less than the account had',
  async (t) => {
    for (let round = 0; round < 8; round++) {
      const person = await verifiedPerson(idp)
      const browser = idp.browser()
      const page = await browser.get(await linkTo(person))
      // The link is enough, until the owner adds a factor.
      const [sent] = await Promise.all([
        browser.submit(page, 'set-password', { 'new-password': newPassword }),
        giveFactors(idp, person, ['passkey']),
      ])
      const isRecovered = !sent.location?.includes('token=') && sent.status === 303
      t.equal(await isPassword(person, newPassword), isRecovered)

      const other = await verifiedPerson(idp)
      const factors = await giveFactors(idp, other, ['totp', 'recovery_codes'], { days: 9 })
      const link = await linkTo(other)
      const proven = await prove(idp, browser, link, 'totp', factors, '')
      const forms = [newPassword, `${newPassword} again`].map((password) =>
        browser.submit(proven, 'set-password', { 'new-password': password }),
      )
      const removal = query(`DELETE FROM account_credentials WHERE sub = $1 AND kind = 'totp'`, [other.sub])
      const results = await Promise.all([...forms, removal])
      const done = (results.slice(0, 2) as Visit[]).filter(({ location }) => location?.includes('notice='))
      t.ok(done.length <= 1, 'the link works once')
      t.equal((await eventsOf(other, 'password_recovered')).length, done.length)
    }
  },
)
