import t from 'tap'
import { invitePerson } from '../../src/operations/invite-person.ts'
import { createPasswordHashing } from '../../src/records/accounts/password-hashing.ts'
import { cheapHashing, type Idp, startSignet } from '../support/idp.ts'
import { accountsWith, commandsOn, eventsOf, invited } from '../support/invitations.ts'
import { setCount } from './guesses.ts'
import { postForm, send } from './send.ts'

const password = 'quiet lamps over harbours'
/** What happens while the next password is being hashed: after the invitation was found to be open, before the account is created. */
let meanwhile: (() => Promise<unknown>) | undefined
const passwords = createPasswordHashing(cheapHashing)
const hash: typeof passwords.hash = async (...given) => {
  const happens = meanwhile
  meanwhile = undefined
  await happens?.()
  return passwords.hash(...given)
}
const idp = await startSignet(t, { SIGNET_SIGN_UP: 'invite' }, { passwords: { ...passwords, hash } })
const { database } = idp.signet
const signet = commandsOn(idp)

const secretOf = (link: string) => link.slice(link.indexOf('=') + 1)
const accept = (secret: string, more: Record<string, string> = {}, on: Idp = idp) =>
  on.browser().post('/sign-up', { invitation: secret, password, ...more })
/** Without request IDs and CSRF tokens. */
const withoutRandom = (text: string) => text.replaceAll(/value="[^"]*"|<code>[^<]*<\/code>/g, '')
const everything = async () => {
  const { rows } = await database.query({
    text: `SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM sessions) AS sessions,
             (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM rate_limits) AS limits,
             (SELECT json_agg(invitations ORDER BY email) FROM invitations)::text AS invitations`,
  })
  return rows[0]
}

t.test(
  'expired, used, cancelled, replaced, truncated and invented links get the same page, which tells nothing',
  async (t) => {
    const links = {
      used: await invited(idp, 'used@example.com'),
      expired: await invited(idp, 'expired@example.com'),
      cancelled: await invited(idp, 'cancelled@example.com'),
      replaced: await invited(idp, 'replaced@example.com'),
    }
    t.equal((await accept(secretOf(links.used))).status, 303)
    await database.query({ text: `UPDATE invitations SET expires_at = now() WHERE email = 'expired@example.com'` })
    t.match(await signet('users', 'uninvite', 'CANCELLED@example.com'), { code: 0 })
    const open = secretOf(await invited(idp, 'REPLACED@example.com'))
    const elsewhere = await startSignet(t, { SIGNET_SIGN_UP: 'invite' })
    const secrets: Record<string, string> = {
      ...Object.fromEntries(Object.entries(links).map(([name, link]) => [name, secretOf(link)])),
      'of another installation': secretOf(await invited(elsewhere, 'replaced@example.com')),
      truncated: open.slice(0, -1),
      longer: `${open}A`,
      'in another case': open.replaceAll(/[a-zA-Z]/g, (letter) =>
        letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
      ),
      invented: 'A'.repeat(43),
      'not base64url': '%00<script>',
      'the digest': Buffer.from(open).toString('hex').slice(0, 43),
      'very long': 'A'.repeat(10_000),
      'an address': 'replaced@example.com',
    }
    const expected = withoutRandom((await idp.browser().get(`/sign-up?invitation=${'A'.repeat(43)}`)).text)
    for (const [name, secret] of Object.entries(secrets)) {
      const page = await idp.browser().get(`/sign-up?${new URLSearchParams({ invitation: secret })}`)
      t.match(page, { status: 410, text: 'This invitation cannot be used' }, name)
      t.equal(withoutRandom(page.text), expected, name)
      t.notMatch(page.text, 'id="password"', name)
      if (name === 'used') continue
      const refused = await accept(secret)
      t.match(refused, { status: 410 }, name)
      t.equal(withoutRandom(refused.text), expected, name)
    }
    for (const query of ['invitation=a&invitation=b', `invitation=${open}&invitation=${open}`, 'invitation=%ff'])
      t.equal((await idp.browser().get(`/sign-up?${query}`)).status, 400, query)
    t.equal((await idp.browser().get('/sign-up?invitation=')).status, 200, 'an empty value is none')
    t.equal((await idp.browser().get(`/sign-up?invitation=${open}`)).status, 200, 'the real one is still open')
    for (const address of ['expired', 'cancelled', 'replaced'])
      t.same(await accountsWith(idp, `${address}@example.com`), [], address)
  },
)

t.test('opening a link changes nothing, however often and by whatever method a mail scanner does it', async (t) => {
  const link = await invited(idp, 'scanned@example.com')
  const before = await everything()
  for (const method of ['GET', 'HEAD', 'GET'])
    for (const agent of ['Mozilla/5.0', 'scanner']) {
      const answer = await send(idp, { method, path: link, headers: { 'user-agent': agent } })
      t.equal(answer.status, 200)
      t.notMatch(answer.setCookies.join(), 'session', 'nobody is signed in')
    }
  t.strictSame(await everything(), before)
  t.equal((await accept(secretOf(link))).status, 303, 'and the person can still use it')
})

t.test('a form on another site cannot accept an invitation in the browser of somebody else', async (t) => {
  const invitation = secretOf(await invited(idp, 'forged@example.com'))
  const form = new URLSearchParams({ invitation, password }).toString()
  for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, {}])
    t.match(await postForm(idp, '/sign-up', form, headers), { status: 403 })
  t.same(await accountsWith(idp, 'forged@example.com'), [])
})

t.test('an invitation is for its address only, whatever the form says', async (t) => {
  const invitation = secretOf(await invited(idp, 'invited@example.com', '--name', 'Invited'))
  const more = { email: 'victim@example.com', groups: 'staff', group: 'staff', verified: 'true', sub: 'x', name: 'Eve' }
  t.equal((await accept(invitation, more)).status, 303)
  t.same(await accountsWith(idp, 'victim@example.com'), [])
  t.match(await accountsWith(idp, 'invited@example.com'), [{ name: 'Eve', groups: [], verified: true }])
})

t.test('one invitation creates one account, however many forms arrive at once', async (t) => {
  const invitation = secretOf(await invited(idp, 'race@example.com'))
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, one) => accept(invitation, { password: `quiet lamps over harbour ${one}` })),
  )
  const statuses = answers.map(({ status }) => status)
  t.equal(statuses.filter((status) => status === 303).length, 1)
  t.ok(
    statuses.every((status) => [303, 410, 429, 503].includes(status)),
    statuses.join(),
  )
  t.match(await accountsWith(idp, 'race@example.com'), [{ verified: true }])
  t.equal((await accountsWith(idp, 'race@example.com')).length, 1)
})

t.test('a form that was sent twice signs in both times, and creates one account', async (t) => {
  const invitation = secretOf(await invited(idp, 'twice@example.com'))
  const both = await Promise.all([accept(invitation), accept(invitation)])
  t.match(both, [{ status: 303 }, { status: 303 }])
  t.match(await accept(invitation), { status: 303 }, 'later, too')
  t.equal((await accountsWith(idp, 'twice@example.com')).length, 1)
  t.match(await accept(invitation, { password: 'another good password' }), { status: 410 }, 'only with the password')
  t.match((await eventsOf(idp, 'sign_in_failed')).at(-1), {
    sub: (await accountsWith(idp, 'twice@example.com'))[0]?.sub,
  })
})

t.test('a used invitation gives no more guesses at the password than the sign-in page', async (t) => {
  const invitation = secretOf(await invited(idp, 'guessed@example.com'))
  t.equal((await accept(invitation)).status, 303)
  const statuses: number[] = []
  for (let guess = 0; guess < 12; guess++)
    statuses.push((await accept(invitation, { password: `the wrong password ${guess}` })).status)
  t.same(new Set(statuses), new Set([410, 429].filter((status) => statuses.includes(status))))
  const { rows } = await database.query({
    text: `SELECT count(*)::integer AS n FROM events WHERE type = 'sign_in_failed' AND sub = $1`,
    values: [(await accountsWith(idp, 'guessed@example.com'))[0]?.sub],
  })
  t.equal(rows[0]?.['n'], 10)
})

t.test('cancelling and accepting at once: either there is an account, or there is no invitation', async (t) => {
  for (let round = 0; round < 10; round++) {
    const email = `cancelled-${round}@example.com`
    const invitation = secretOf(await invited(idp, email))
    const [accepted, cancelled] = await Promise.all([accept(invitation), signet('users', 'uninvite', email)])
    const created = (await accountsWith(idp, email)).length
    t.match([accepted.status, cancelled.code, created], created === 1 ? [303, 1, 1] : [410, 0, 0])
  }
})

t.test('replacing and accepting at once: at most one account, and no second one with the new link', async (t) => {
  for (let round = 0; round < 10; round++) {
    const email = `replaced-${round}@example.com`
    const invitation = secretOf(await invited(idp, email))
    const [accepted, replaced] = await Promise.all([
      accept(invitation),
      signet('users', 'invite', email, '--print-link', '--json'),
    ])
    if (accepted.status === 303) {
      t.equal((await accountsWith(idp, email)).length, 1)
      if (replaced.code !== 0) continue
      t.fail('an address that was verified a moment ago has been invited')
    } else {
      t.match([accepted.status, replaced.code], [410, 0])
      const { link } = JSON.parse(replaced.out) as { link: string }
      t.equal((await accept(secretOf(link))).status, 303)
      t.equal((await accountsWith(idp, email)).length, 1)
    }
  }
})

t.test('whoever signed up with the address before keeps nothing of it', async (t) => {
  const open = await idp.another({ SIGNET_SIGN_UP: 'open' })
  const email = 'squatted@example.com'
  const attacker = { email, password: 'the password of the attacker' }
  t.equal((await open.browser().post('/sign-up', attacker)).status, 303)
  const link = await invited(idp, email, '--name', 'The owner')
  const page = await idp.browser().get(link)
  t.match(page, { status: 200 })
  t.equal((await accept(secretOf(link))).status, 303)
  t.match(await accountsWith(idp, email), [{ verified: false }, { verified: true }])
  const owner = idp.browser()
  await owner.post('/sign-in', { username: email, password })
  t.match((await owner.get('/account/sign-in')).text, 'This address is verified.')
})

t.test('if an account has verified the address, the page says so and creates nothing', async (t) => {
  const open = await idp.another({ SIGNET_SIGN_UP: 'open' })
  const email = 'meanwhile@example.com'
  const link = await invited(idp, email)
  t.equal((await open.browser().post('/sign-up', { email, password })).status, 303)
  const [account] = await accountsWith(idp, email)
  t.match(await signet('users', 'update', account?.sub ?? '', '--email', email, '--email-verified'), { code: 0 })
  const browser = idp.browser()
  const page = await browser.get(link)
  t.match(page, { status: 409, text: 'You already have an account' })
  t.match(page.text, email)
  t.match(page.text, 'href="/sign-in"')
  t.match(await accept(secretOf(link)), { status: 409, text: 'You already have an account' })
  t.equal((await accountsWith(idp, email)).length, 1)
})

t.test('verifying the address and accepting at once: one of the two has it', async (t) => {
  for (let round = 0; round < 10; round++) {
    const email = `verified-${round}@example.com`
    const invitation = secretOf(await invited(idp, email))
    const { sub } = await idp.person({ email })
    const [accepted, updated] = await Promise.all([
      accept(invitation),
      signet('users', 'update', sub, '--email', email, '--email-verified'),
    ])
    t.match([accepted.status, updated.code], accepted.status === 303 ? [303, 1] : [409, 0])
    t.equal((await accountsWith(idp, email)).filter(({ verified }) => verified).length, 1)
  }
})

t.test(
  'an office can accept all of its invitations from one network, and one invitation cannot be tried for ever',
  async (t) => {
    await setCount(idp, 'sign-up-network', 1000)
    const invitation = secretOf(await invited(idp, 'office@example.com'))
    for (let form = 0; form < 30; form++) t.equal((await accept(invitation, { password: 'short' })).status, 422)
    const limited = await accept(invitation)
    t.match(limited, { status: 429, text: 'Too many attempts.' })
    t.match(limited.text, 'value="office@example.com"')
    t.ok(Number(limited.headers.get('retry-after')) > 0)
    t.equal((await accept(secretOf(await invited(idp, 'office-2@example.com')))).status, 303)
    t.equal((await accept(secretOf(await invited(idp, 'office@example.com')))).status, 303, 'the operator can renew it')
  },
)

t.test(
  'whatever happens to an invitation while the password is being hashed, no second account is created',
  async (t) => {
    const happenings: Record<string, [happens: (email: string) => Promise<unknown>, status: number, verified: number]> =
      {
        'another account verifies the address': [
          async (email) => {
            const { sub } = await idp.person({ email })
            t.match(await signet('users', 'update', sub, '--email', email, '--email-verified'), { code: 0 })
          },
          ...([409, 1] as const),
        ],
        'it is cancelled': [(email) => signet('users', 'uninvite', email), 410, 0],
        'it is replaced': [(email) => signet('users', 'invite', email, '--print-link'), 410, 0],
        'it expires': [
          (email) =>
            database.query({ text: 'UPDATE invitations SET expires_at = now() WHERE email = $1', values: [email] }),
          ...([410, 0] as const),
        ],
        'another form accepts it': [
          async (email) => {
            const other = await accept(invitations.get(email) ?? '', { password: 'another good password' })
            t.equal(other.status, 303)
          },
          ...([410, 1] as const),
        ],
      }
    const invitations = new Map<string, string>()
    for (const [what, [happens, status, verified]] of Object.entries(happenings)) {
      const email = `${what.replaceAll(' ', '.')}@example.com`
      const invitation = secretOf(await invited(idp, email))
      invitations.set(email, invitation)
      meanwhile = () => happens(email)
      t.equal((await accept(invitation)).status, status, what)
      t.equal((await accountsWith(idp, email)).filter((account) => account.verified).length, verified, what)
      t.equal((await accountsWith(idp, email)).length, verified, what)
    }
  },
)

t.test('invented invitations leave no rows of limits', async (t) => {
  const counted = async () => (await database.query({ text: 'SELECT count(*) FROM rate_limits' })).rows[0]?.['count']
  const before = await counted()
  for (let one = 0; one < 10; one++) await accept(String(one).padStart(43, 'A'))
  t.equal(await counted(), before)
})

t.test('with closed sign-up, no invitation works', async (t) => {
  const link = await invited(idp, 'closed@example.com')
  const closed = await idp.another({ SIGNET_SIGN_UP: 'closed' })
  t.match(await closed.browser().get(link), { status: 410, text: 'This invitation cannot be used' })
  t.match(await accept(secretOf(link), {}, closed), { status: 403, text: 'New accounts cannot be created here' })
  t.match(await commandsOn(idp, { SIGNET_SIGN_UP: 'closed' })('users', 'invite', 'more@example.com'), {
    code: 1,
    err: /SIGNET_SIGN_UP is closed/,
  })
  t.same(await accountsWith(idp, 'closed@example.com'), [])
})

t.test('an address or a name that could add a header to the mail is refused, and nothing is stored', async (t) => {
  const before = await everything()
  const invite = (email: string, name?: string) =>
    invitePerson(
      idp.signet,
      { kind: 'operator', by: 'test' },
      { email, name, groups: [], validForDays: 1 },
      { by: 'mail', secrets: idp.signet.secrets, locale: undefined },
    )
  for (const email of [
    'ada@example.com\r\nBcc: everybody@example.com',
    'ada\r\n@example.com',
    'ada@example.com,eve@example.com',
    'ada@example.com;eve@example.com',
    'Ada <ada@example.com>',
    '<ada@example.com>',
    '"ada\r\nBcc: eve"@example.com',
    'ada@exam\u200bple.com',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example`,
    '',
    '@',
  ])
    t.match(await invite(email), { outcome: 'email_invalid' }, JSON.stringify(email))
  for (const name of ['Ada\r\nBcc: eve@example.com', 'Ada\u0000', 'Ada\u2028', '\u202eada', ' ', 'x'.repeat(201)])
    await t.rejects(invite('header@example.com', name), { name: 'InvalidProfile' }, escape(name))
  t.strictSame(await everything(), before)
})

t.test('an address of 254 octets is invited, one of 255 is not', async (t) => {
  const domain = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.example`
  const address = (octets: number) => `${'x'.repeat(octets - domain.length - 1)}@${domain}`
  t.equal(address(254).length, 254)
  const link = await invited(idp, address(254))
  t.equal((await accept(secretOf(link))).status, 303)
  t.match(await signet('users', 'invite', address(255), '--print-link'), { code: 2 })
})

t.test('the secret of a link is stored nowhere, and logged nowhere', async (t) => {
  const invitation = secretOf(await invited(idp, 'secret@example.com'))
  await idp.browser().get(`/sign-up?invitation=${invitation}`)
  await accept(invitation, { password: 'short' })
  const { rows } = await database.query({
    text: `SELECT row_to_json(invitations)::text AS row FROM invitations
           UNION ALL SELECT row_to_json(events)::text FROM events UNION ALL SELECT row_to_json(refusals)::text FROM refusals`,
  })
  const stored = rows.map(({ row }) => row).join('\n')
  t.ok(stored.length > 1000)
  t.notMatch(stored, invitation)
  t.notMatch(stored, Buffer.from(invitation, 'base64url').toString('hex'))
  t.notMatch(idp.logged(), invitation)
})
