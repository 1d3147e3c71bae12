import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { newChallenge } from '../../src/operations/passkey-challenges.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import { setDisabled, setEmailVerified } from '../../src/records/accounts/accounts-store.ts'
import { insertPasskey, listPasskeys, removePasskey } from '../../src/records/accounts/passkeys-store.ts'
import type { Sub } from '../../src/records/ids.ts'
import type { Visit } from '../support/browser.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { mailsTo } from '../support/mails.ts'
import {
  type Answer,
  type Authenticator,
  createAuthenticator,
  givePasskey,
  type PasskeyKnobs,
  passkeyOptions,
  pressNewPasskey,
  pressPasskey,
} from '../support/passkeys.ts'
import { cookiesOf, hiddenOf } from './account-forms.ts'
import { clearLimits, setCount } from './guesses.ts'
import { postForm } from './send.ts'

const idp = await startSignet(t)
const { database } = idp.signet
t.beforeEach(() => clearLimits(idp))

const query = async (text: string, values: unknown[] = []) => (await database.query({ text, values })).rows

/** The newest event about a passkey: its type, its reason and whose it is. */
async function newestEvent() {
  const [row] = await query(
    "SELECT type, detail->>'reason' AS reason, sub FROM events WHERE type LIKE 'passkey%' OR type = 'signed_in' ORDER BY id DESC LIMIT 1",
  )
  return row
}

const faultIn = ({ text }: Visit) => /id="fault"[^>]*>([\s\S]*?)<\/div>/.exec(text)?.[1]

/** Everybody whose passkey is refused is told the same. */
const refusedText = faultIn(
  await idp.browser().post('/sign-in/passkey', { credential: '{}' }, { 'sec-fetch-site': 'same-origin' }),
)

/** Asserts that an answer was refused for a reason that only the operator is told. */
async function isRefused(t: Test, visit: Visit, reason: string, sub?: string, what = reason): Promise<void> {
  const isSession = visit.headers.getSetCookie().some((cookie) => cookie.startsWith(idp.cookieNames.session))
  t.equal(visit.status, 403, what)
  t.equal(faultIn(visit), refusedText, what)
  t.notOk(isSession, what)
  const type = reason === 'counter' ? 'passkey_counter_went_back' : 'passkey_refused'
  t.same(await newestEvent(), { type, reason, sub: sub ?? null }, what)
}

const digestOf = (cookie: string | undefined) => digest(cookie ?? '')

/** Other texts for the same bytes: the last character of base64url can have bits that belong to no byte. */
function otherSpellings(text: string): string[] {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const bytesOf = (spelling: string) => Buffer.from(spelling, 'base64url').toString('hex')
  return [...alphabet]
    .map((last) => text.slice(0, -1) + last)
    .filter((spelling) => spelling !== text && bytesOf(spelling) === bytesOf(text))
}

/** Signs in with a passkey in a new browser. */
async function enter(authenticator: Authenticator, knobs: PasskeyKnobs = {}) {
  const browser = idp.browser()
  const visit = await pressPasskey(browser, await browser.get('/sign-in'), authenticator, knobs)
  return { browser, visit }
}

t.test('a passkey signs in without a password, as two factors', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const { visit, browser } = await enter(authenticator)
  t.match(visit, { status: 303, location: `${idp.issuer}/` })
  t.match((await browser.get('/account')).text, person.username)
  const [event] = await query("SELECT detail FROM events WHERE type = 'signed_in' AND sub = $1", [person.sub])
  t.match(event, { detail: { amr: ['pop', 'user', 'mfa'] } })
  const [session] = await query(
    'SELECT amr, factor, factor_time = auth_time AS together FROM sessions WHERE sub = $1',
    [person.sub],
  )
  t.same(session, { amr: ['pop', 'user', 'mfa'], factor: 'passkey', together: true })
  t.type((await listPasskeys(database, person.sub))[0]?.usedAt, Date)
})

t.test('an answer that was made elsewhere, or without the person, is refused', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const port = new URL(idp.issuer).port
  const attacks: [what: string, reason: string, knobs: PasskeyKnobs, isKnown?: boolean][] = [
    ['another origin', 'origin', { origin: 'https://phishing.example' }, false],
    ['another port of the same host', 'origin', { origin: `http://localhost:${Number(port) + 1}` }, false],
    ['the origin with a path', 'origin', { origin: `${idp.issuer}/` }, false],
    ['a frame on another site', 'origin', { crossOrigin: true, topOrigin: 'https://phishing.example' }, false],
    ['a frame that does not say where', 'origin', { crossOrigin: true }, false],
    ['another RP ID', 'rp_id', { rpId: 'phishing.example' }],
    ['nobody present', 'user_verification', { isPresent: false }],
    ['nobody verified', 'user_verification', { isVerified: false }],
    ['neither', 'user_verification', { isPresent: false, isVerified: false }],
    ['the key of another passkey', 'signature', { key: other }],
    ['a creation instead of a use', 'challenge', { type: 'webauthn.create' }, false],
    ['a passkey that can suddenly be synchronized', 'backup_eligibility', { isBackupEligible: true }],
    ['one that is synchronized although it cannot be', 'backup_eligibility', { isBackedUp: true }],
    ['the user handle of somebody else', 'user_handle', { userHandle: (await idp.person()).sub }],
    ['no user handle', 'user_handle', { userHandle: null }],
    ['an empty user handle', 'user_handle', { userHandle: '' }],
    ['a passkey that nobody has', 'unknown', { credentialId: Buffer.alloc(16, 7) }, false],
  ]
  for (const [what, reason, knobs, isKnown = true] of attacks) {
    const { visit } = await enter(authenticator, knobs)
    await isRefused(t, visit, reason, isKnown ? person.sub : undefined, what)
  }
  t.equal((await enter(authenticator)).visit.status, 303, 'the passkey itself still works')
})

t.test('a challenge is good for one answer, in one browser, for one use, and not for long', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)

  await t.test('a replayed answer is refused, also in the browser in which it was accepted', async (t) => {
    const browser = idp.browser()
    const page = await browser.get('/sign-in')
    const answer = authenticator.get(passkeyOptions(page, 'use-passkey'))
    const send = () => browser.submit(page, 'use-passkey', { credential: answer })
    t.equal((await send()).status, 303)
    await isRefused(t, await send(), 'replayed', person.sub)
  })

  await t.test('of many answers to one challenge at once, one is accepted', async (t) => {
    const browser = idp.browser()
    const page = await browser.get('/sign-in')
    const options = passkeyOptions(page, 'use-passkey')
    const visits = await Promise.all(
      Array.from({ length: 8 }, () => browser.submit(page, 'use-passkey', { credential: authenticator.get(options) })),
    )
    t.same(visits.map(({ status }) => status).sort(), [303, ...new Array(7).fill(403)])
    const [{ sessions } = { sessions: 0 }] = await query(
      'SELECT count(*)::int AS sessions FROM sessions WHERE sub = $1',
      [person.sub],
    )
    t.equal(sessions, 2, 'one more than before')
  })

  await t.test('the challenge of another browser is refused', async (t) => {
    const [victim, thief] = [idp.browser(), idp.browser()]
    const answer = authenticator.get(passkeyOptions(await victim.get('/sign-in'), 'use-passkey'))
    const visit = await thief.submit(await thief.get('/sign-in'), 'use-passkey', { credential: answer })
    await isRefused(t, visit, 'challenge')
  })

  await t.test('the challenge of another use, another account or another ceremony is refused', async (t) => {
    const browser = idp.browser()
    const page = await browser.get('/sign-in')
    const browserDigest = digestOf(browser.cookies.get(idp.cookieNames.browser))
    const of = { ceremony: 'get', use: 'sign-in', browserDigest, sub: undefined } as const
    const challenges = {
      'another use': newChallenge(idp.signet, { ...of, use: 'step-up' }),
      'an account that is known already': newChallenge(idp.signet, { ...of, sub: person.sub }),
      'a creation': newChallenge(idp.signet, { ...of, ceremony: 'create' }),
      'an authorization request': (await browser.get('/account')).location?.split('continue=')[1] ?? '',
      nobody: Buffer.alloc(60, 1).toString('base64url'),
      'nobody, as text': 'not base64url!',
    }
    for (const [what, challenge] of Object.entries(challenges))
      await isRefused(t, await pressPasskey(browser, page, authenticator, { challenge }), 'challenge', undefined, what)
    const challenge = newChallenge(idp.signet, of)
    t.equal((await pressPasskey(browser, page, authenticator, { challenge })).status, 303, 'the right one is accepted')
  })

  await t.test('a challenge of more than an hour ago is refused', async (t) => {
    const browser = idp.browser()
    const page = await browser.get('/sign-in')
    const browserDigest = digestOf(browser.cookies.get(idp.cookieNames.browser))
    const ago = (minutes: number) =>
      newChallenge(
        { ...idp.signet, clock: { ...idp.signet.clock, now: () => Date.now() - minutes * 60_000 } },
        { ceremony: 'get', use: 'sign-in', browserDigest, sub: undefined },
      )
    await isRefused(t, await pressPasskey(browser, page, authenticator, { challenge: ago(60) }), 'challenge')
    t.equal((await pressPasskey(browser, page, authenticator, { challenge: ago(59) })).status, 303)
  })
})

t.test('a passkey whose counter goes back is refused, and its owner and the operator are told', async (t) => {
  const person = await idp.person()
  await setEmailVerified(database, person.sub)
  const authenticator = await givePasskey(idp, person, { counter: 5 })
  for (const counter of [0, 4, 5])
    await isRefused(t, (await enter(authenticator, { counter })).visit, 'counter', person.sub, String(counter))
  t.equal((await enter(authenticator, { counter: 6 })).visit.status, 303)
  await isRefused(t, (await enter(authenticator, { counter: 6 })).visit, 'counter', person.sub)
  t.equal((await enter(authenticator, { counter: 4_294_967_295 })).visit.status, 303, 'the largest that there is')
  await isRefused(t, (await enter(authenticator)).visit, 'counter', person.sub, 'and it cannot start again')

  const mails = (await mailsTo(idp, person.email)).map(({ subject }) => subject)
  t.ok(
    mails.some((subject) => /passkey .* may have been copied/.test(subject)),
    mails.join(', '),
  )

  const copies = await Promise.all(Array.from({ length: 6 }, () => givePasskey(idp, person, { counter: 1 })))
  for (const copy of copies) {
    const visits = await Promise.all(Array.from({ length: 4 }, () => enter(copy, { counter: 2 })))
    const statuses = visits.map(({ visit: { status } }) => status).sort()
    t.same(statuses, [303, 403, 403, 403], 'of two copies that answer at once, one is accepted')
  }
})

t.test('a passkey that its person has removed, and the passkeys of a disabled account, are refused', async (t) => {
  const [person, disabled] = [await idp.person(), await idp.person()]
  const removed = await givePasskey(idp, person)
  t.ok(await removePasskey(database, person.sub, removed.id))
  await isRefused(t, (await enter(removed)).visit, 'unknown')
  t.same(await query('SELECT id FROM passkeys WHERE sub = $1', [person.sub]), [], 'nothing is left of it')

  const authenticator = await givePasskey(idp, disabled)
  await setDisabled(database, disabled.sub, true)
  await isRefused(t, (await enter(authenticator)).visit, 'disabled', disabled.sub)
})

t.test('everything on a page is bound to the same browser, also on the first visit', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const browser = idp.browser()
  const page = await browser.get('/sign-in')
  t.equal(page.headers.getSetCookie().length, 1)
  const hidden = hiddenOf(page, 'use-passkey')
  const credential = authenticator.get(passkeyOptions(page, 'use-passkey'))
  // As from a browser that sends neither header: then the token decides.
  const send = (csrf: string) =>
    postForm(idp, '/sign-in/passkey', new URLSearchParams({ ...hidden, csrf, credential }).toString(), {
      cookie: cookiesOf(browser),
    })
  t.equal((await send('made-up')).status, 403)
  t.equal((await send(hidden['csrf'] ?? '')).status, 303)
})

t.test('a form from another site is refused before anything else', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const browser = idp.browser()
  const page = await browser.get('/sign-in')
  const credential = authenticator.get(passkeyOptions(page, 'use-passkey'))
  for (const path of ['/sign-in/passkey', '/passkey-offer']) {
    const from = { origin: 'https://phishing.example', 'sec-fetch-site': 'cross-site' }
    t.equal((await browser.post(path, { credential }, from)).status, 403, path)
    t.equal(
      (await browser.post(path, { credential, csrf: 'wrong' }, { origin: idp.issuer.replace('http', 'https') })).status,
      403,
    )
  }
  t.same(await query('SELECT digest FROM sessions WHERE sub = $1', [person.sub]), [])
  t.equal((await pressPasskey(browser, page, authenticator)).status, 303, 'the challenge is not spent')
})

t.test('an answer of any form is refused in the same way', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const changed = (change: (answer: Answer) => unknown) => (options: string) => authenticator.get(options, { change })
  const response = (part: object) => changed((answer) => ({ ...answer, response: { ...answer.response, ...part } }))
  const bytes = (length: number) => Buffer.alloc(length, 0xff).toString('base64url')
  const long = 'x'.repeat(20_000)
  const forms: Record<string, (options: string) => string> = {
    nothing: () => '',
    'not JSON': () => '{',
    'a number': () => '7',
    null: () => 'null',
    'a list': () => '[]',
    'an empty object': () => '{}',
    'no response': changed(({ response: _, ...rest }) => rest),
    'a text as response': changed((answer) => ({ ...answer, response: 'text' })),
    'two IDs': changed((answer) => ({ ...answer, rawId: bytes(16) })),
    'another type': changed((answer) => ({ ...answer, type: 'password' })),
    'an ID that is not base64url': changed((answer) => ({ ...answer, id: '+/==', rawId: '+/==' })),
    'an ID that is too long': changed((answer) => ({ ...answer, id: bytes(1024), rawId: bytes(1024) })),
    'client data that is not JSON': response({ clientDataJSON: bytes(40) }),
    'client data that is a list': response({ clientDataJSON: Buffer.from('[]').toString('base64url') }),
    'client data without a challenge': response({ clientDataJSON: Buffer.from('{}').toString('base64url') }),
    'client data that is an object': response({ clientDataJSON: {} }),
    'no authenticator data': response({ authenticatorData: undefined }),
    'short authenticator data': response({ authenticatorData: bytes(32) }),
    'authenticator data with more behind it': changed((answer) => {
      const data = Buffer.from(String(answer.response['authenticatorData']), 'base64url')
      return {
        ...answer,
        response: { ...answer.response, authenticatorData: Buffer.concat([data, data]).toString('base64url') },
      }
    }),
    'no signature': response({ signature: undefined }),
    'a signature that is a number': response({ signature: 7 }),
    'an empty signature': response({ signature: '' }),
    'a long signature': response({ signature: bytes(9_000) }),
    'a user handle that is an object': response({ userHandle: {} }),
    'a huge answer': changed((answer) => ({ ...answer, long })),
    'a deep answer': () => `${'['.repeat(4_000)}${']'.repeat(4_000)}`,
    'the names of a prototype': () => '{"__proto__":{"id":"AA"},"constructor":{"prototype":{}}}',
  }
  for (const [what, form] of Object.entries(forms)) {
    const browser = idp.browser()
    const page = await browser.get('/sign-in')
    const visit = await browser.submit(page, 'use-passkey', { credential: form(passkeyOptions(page, 'use-passkey')) })
    t.equal(visit.status, 403, what)
    t.equal(faultIn(visit), refusedText, what)
  }
  const browser = idp.browser()
  const doubled = `credential=a&credential=b`
  t.equal((await browser.post('/sign-in/passkey', doubled)).status, 400, 'two answers')
  t.equal((await browser.post('/sign-in/passkey', `credential=${long.repeat(3)}`)).status, 413, 'too much for a form')
})

t.test(
  'after a hundred refused answers from a network no more are recorded, and good ones are still accepted',
  async (t) => {
    const person = await idp.person()
    const authenticator = await givePasskey(idp, person)
    const refuse = async () => (await enter(authenticator, { isVerified: false })).visit
    t.equal((await refuse()).status, 403)
    await setCount(idp, 'passkey-network', 99)
    t.equal((await refuse()).status, 403)
    const count = async () => (await query("SELECT count(*)::int FROM events WHERE type = 'passkey_refused'"))[0]
    const before = await count()
    const visit = await refuse()
    t.equal(visit.status, 429)
    t.match(visit.headers.get('retry-after'), /^[1-9]\d*$/)
    t.same(await count(), before)
    t.equal((await enter(authenticator)).visit.status, 303)
  },
)

t.test('creating a passkey', async (t) => {
  /** Signs in with the password in a browser that can create passkeys, up to the offer. */
  const offered = async (person: Person) => {
    const browser = idp.browser()
    const form = { username: person.username, password: person.password, passkeys: '1' }
    const visit = await browser.submit(await browser.get('/sign-in'), 'sign-in', form)
    t.equal(visit.location, `${idp.issuer}/passkey-offer`)
    return { browser, page: await browser.follow(visit) }
  }

  await t.test('the offer stores a passkey, and the next sign-in can use it', async (t) => {
    const person = await idp.person()
    const { browser, page } = await offered(person)
    const authenticator = createAuthenticator(idp)
    const visit = await pressNewPasskey(browser, page, authenticator, {
      isBackupEligible: true,
      isBackedUp: true,
      counter: 3,
    })
    t.ok(visit.status < 400)
    t.match(await listPasskeys(database, person.sub), [
      { signCount: 3, isBackupEligible: true, isBackedUp: true, transports: ['hybrid', 'internal'], usedAt: undefined },
    ])
    t.match(await newestEvent(), { type: 'passkey_added', sub: person.sub })
    const knobs = { isBackupEligible: true, counter: 4 }
    t.equal((await enter(authenticator, knobs)).visit.status, 303)
    t.match(await listPasskeys(database, person.sub), [{ signCount: 4, isBackedUp: false }], 'its state is up to date')
  })

  await t.test('an answer that was made elsewhere, or without the person, stores nothing', async (t) => {
    const person = await idp.person()
    const { browser, page } = await offered(person)
    const taken = await givePasskey(idp, await idp.person())
    const credentialId = taken.passkeys[0]?.credentialId as Buffer
    const corrupt = (change: (object: Buffer) => Buffer) => (answer: Answer) => {
      const object = Buffer.from(String(answer.response['attestationObject']), 'base64url')
      return { ...answer, response: { ...answer.response, attestationObject: change(object).toString('base64url') } }
    }
    const attacks: Record<string, PasskeyKnobs> = {
      'another origin': { origin: 'https://phishing.example' },
      'a frame': { crossOrigin: true },
      'another RP ID': { rpId: 'phishing.example' },
      'nobody present': { isPresent: false },
      'nobody verified': { isVerified: false },
      'a use instead of a creation': { type: 'webauthn.get' },
      'one that is synchronized although it cannot be': { isBackedUp: true },
      'a made-up challenge': { challenge: Buffer.alloc(60, 1).toString('base64url') },
      'the ID of a passkey of somebody else': { credentialId },
      'another ID outside than inside': {
        change: (answer) => ({ ...answer, id: 'AAAA', rawId: 'AAAA' }),
      },
      'an ID that is too long': { credentialId: Buffer.alloc(1024, 1) },
      'half an attestation object': { change: corrupt((object) => object.subarray(0, object.length / 2)) },
      'an attestation object that is a number': { change: corrupt(() => Buffer.from([7])) },
      'no attestation object': {
        change: (answer) => ({ ...answer, response: { clientDataJSON: answer.response['clientDataJSON'] } }),
      },
    }
    for (const [what, knobs] of Object.entries(attacks)) {
      const visit = await pressNewPasskey(browser, page, createAuthenticator(idp), knobs)
      t.equal(visit.status, 422, what)
      t.match(faultIn(visit), /could not be saved/, what)
    }
    t.same(await listPasskeys(database, person.sub), [])
    t.equal((await listPasskeys(database, (await idp.person()).sub)).length, 0)
  })

  await t.test('a challenge for a new passkey is good once, in one browser, for one account', async (t) => {
    const [person, other] = [await idp.person(), await idp.person()]
    const { browser, page } = await offered(person)
    const { browser: elsewhere, page: otherPage } = await offered(other)
    const authenticator = createAuthenticator(idp)
    const credential = authenticator.create(passkeyOptions(page, 'create-passkey'))
    t.equal((await elsewhere.submit(otherPage, 'create-passkey', { credential })).status, 422, 'in another browser')
    const browserDigest = digestOf(browser.cookies.get(idp.cookieNames.browser))
    const challenge = (sub: Sub, use = 'account') =>
      newChallenge(idp.signet, { ceremony: 'create', use, browserDigest, sub })
    for (const wrong of [challenge(other.sub), challenge(person.sub, 'sign-up'), challenge(person.sub, 'recovery')])
      t.equal((await pressNewPasskey(browser, page, createAuthenticator(idp), { challenge: wrong })).status, 422)
    t.ok((await browser.submit(page, 'create-passkey', { credential })).status < 400)
    const [{ id } = { id: 0 }] = await listPasskeys(database, person.sub)
    await removePasskey(database, person.sub, id)
    t.equal((await browser.submit(page, 'create-passkey', { credential })).status, 422, 'a replay after it was removed')
    const { challenge: spent } = JSON.parse(passkeyOptions(page, 'create-passkey')) as { challenge: string }
    const spellings = otherSpellings(spent)
    t.ok(spellings.length > 0)
    for (const spelling of spellings)
      t.equal((await pressNewPasskey(browser, page, createAuthenticator(idp), { challenge: spelling })).status, 422)
    t.same(await listPasskeys(database, person.sub), [])
  })

  await t.test(
    'the offer is made once, to those who have none, and only if the browser says that it can create one',
    async (t) => {
      const person = await idp.person()
      const signInAs = async ({ username, password }: Person, passkeys: string) => {
        const browser = idp.browser()
        return browser.submit(await browser.get('/sign-in'), 'sign-in', { username, password, passkeys })
      }
      t.equal((await signInAs(person, '')).location, `${idp.issuer}/`)
      t.equal((await signInAs(person, '1')).location, `${idp.issuer}/passkey-offer`)
      t.equal((await signInAs(person, '1')).location, `${idp.issuer}/`, 'once')
      const owner = await idp.person()
      await givePasskey(idp, owner)
      t.equal((await signInAs(owner, '1')).location, `${idp.issuer}/`)
    },
  )

  await t.test('the page with the offer leads on if there is nothing to offer', async (t) => {
    t.match(await idp.browser().get('/passkey-offer'), { status: 303, location: `${idp.issuer}/` }, 'to nobody')
    const person = await idp.person()
    const { browser, page } = await offered(person)
    await query("UPDATE sessions SET auth_time = auth_time - interval '11 minutes' WHERE sub = $1", [person.sub])
    t.match(await browser.get('/passkey-offer'), { status: 303, location: `${idp.issuer}/` }, 'after ten minutes')
    const visit = await pressNewPasskey(browser, page, createAuthenticator(idp))
    t.match(visit, { status: 303, location: `${idp.issuer}/` })
    t.same(await listPasskeys(database, person.sub), [], 'a sign-in of eleven minutes ago adds no factor')
    t.equal((await browser.get('/passkey-offer?continue=made-up')).status, 400)
  })

  await t.test('of two browsers that add a first passkey at once, the second must prove the first', async (t) => {
    const person = await idp.person()
    const first = await offered(person)
    await query('UPDATE accounts SET passkey_offered_at = NULL WHERE sub = $1', [person.sub])
    const second = await offered(person)
    await Promise.all(
      [first, second].map(({ browser, page }) => pressNewPasskey(browser, page, createAuthenticator(idp))),
    )
    t.equal((await listPasskeys(database, person.sub)).length, 1)
  })
})

t.test('two accounts cannot have a passkey with the same ID', async (t) => {
  const [person, other] = [await idp.person(), await idp.person()]
  const { passkeys } = await givePasskey(idp, person)
  const [stored] = await listPasskeys(database, person.sub)
  const insert = () => insertPasskey(database, other.sub, stored as never, { name: 'Copy', isVouched: false })
  t.equal(await insert(), undefined)
  t.same(
    await query("SELECT id FROM account_credentials WHERE sub = $1 AND kind = 'passkey'", [other.sub]),
    [],
    'and nothing is left of the attempt',
  )
  t.equal(passkeys.length, 1)
})
