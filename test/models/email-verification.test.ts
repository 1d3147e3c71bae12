import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { disownEmail } from '../../src/operations/disown-email.ts'
import { mailInQueue, type QueuedMail } from '../../src/operations/queue-mail.ts'
import { requestVerification } from '../../src/operations/request-verification.ts'
import { type ConfirmOutcome, confirmByCode, confirmByLink } from '../../src/operations/verify-email.ts'
import { createClock } from '../../src/platform/clock.ts'
import { inTransaction, type Queryable, type Statement } from '../../src/platform/database/queryable.ts'
import { type PurposeSecrets, purposes, unsealText } from '../../src/platform/secrets/purpose-secrets.ts'
import type { Turns } from '../../src/platform/turns.ts'
import { insertAccount } from '../../src/records/accounts/accounts-store.ts'
import { maxWrongCodes } from '../../src/records/accounts/email-codes.ts'
import type { SessionId, Sub } from '../../src/records/ids.ts'
import { findSession, insertSession } from '../../src/records/sessions/sessions-store.ts'
import type { Signet } from '../../src/signet.ts'
import { migratedDatabase } from '../database.ts'

/*
 * Two accounts that want the same two addresses, each in two browsers, compared with the simplest possible semantics. Then the same operations at
 * once, of which only the promises are checked.
 */

const { openPool } = await migratedDatabase(t)
const database = openPool({ max: 4 })
// Requests do not take turns here: races between two nodes are what is tested.
const turns: Turns = { take: (_key, work) => work() }
const secrets = Object.fromEntries(
  purposes.map((purpose) => [purpose, { current: 1, versions: new Map([[1, randomBytes(32)]]) }]),
) as unknown as PurposeSecrets
const limits = {
  beforeEmailCode: async () => {},
  allowsEmailCode: async () => true,
} as unknown as Signet['limits']
const settings = { issuer: 'https://idp.example', mail: { delivery: 'files' } } as Signet['settings']
const signet = { database, turns, limits, settings, secrets, clock: createClock() } as unknown as Signet
const caller = { requestId: 'test', network: '192.0.2.1' }

interface Account {
  readonly sub: Sub
  readonly sessions: readonly { readonly id: SessionId; readonly browser: Buffer }[]
  email: string | undefined
  verified: boolean
}

interface Mail {
  readonly account: number
  readonly browser: number
  readonly email: string
  /** Undefined if another account had verified the address: the mail says only that. */
  readonly secret: { readonly token: string; readonly code: string } | undefined
  open: boolean
  wrong: number
}

interface World {
  readonly addresses: readonly string[]
  readonly accounts: readonly Account[]
  readonly mails: Mail[]
}

const text = () => randomBytes(8).toString('hex')

async function newWorld(): Promise<World> {
  const addresses = [`${text()}@example.com`, `${text()}@example.com`]
  const accounts: Account[] = []
  for (let n = 0; n < 2; n++) {
    const sub = text() as Sub
    const [email] = addresses
    await insertAccount(database, { sub, profile: { username: text() }, email, passwordHash: 'hash', signedUp: true })
    const sessions: { id: SessionId; browser: Buffer }[] = []
    for (let b = 0; b < 2; b++) {
      const [browser, cookie] = [randomBytes(32), randomBytes(32)]
      const started = { sub, authTime: Date.now(), amr: ['pwd'], sidVersion: 1, ttl: 3600, replaces: undefined }
      await insertSession(database, { ...started, digest: cookie, browserDigest: browser })
      sessions.push({ id: (await findSession(database, cookie, 3600))?.id as SessionId, browser })
    }
    accounts.push({ sub, sessions, email, verified: false })
  }
  return { addresses, accounts, mails: [] }
}

type Step =
  | { readonly kind: 'request'; readonly account: number; readonly browser: number; readonly address: number }
  | { readonly kind: 'code' | 'link'; readonly account: number; readonly browser: number; readonly mail: number }
  | { readonly kind: 'wrong'; readonly account: number; readonly browser: number }
  | { readonly kind: 'disown'; readonly mail: number }

const bit = fc.integer({ min: 0, max: 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('request'), account: bit, browser: bit, address: bit }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('code', 'link'),
      account: bit,
      browser: bit,
      // The newest mails are the most interesting.
      mail: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wrong'), account: bit, browser: bit }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('disown'), mail: fc.integer({ min: 1, max: 4 }) }) },
) as fc.Arbitrary<Step>

/** Sends a mail, and reads it. */
async function request(world: World, { account: a, browser, address }: Extract<Step, { kind: 'request' }>) {
  const account = world.accounts[a] as Account
  const email = world.addresses[address] as string
  let sealed = ''
  await inTransaction(database, async (tx) => {
    const reading = {
      query: (statement: Statement) => {
        if (statement.name === 'queue-job') sealed = JSON.parse(String(statement.values?.[1])).sealed
        return tx.query(statement)
      },
    } as Queryable
    const asked = { continueTo: undefined, why: 'again', locale: 'en', mayMail: true } as const
    const browserDigest = account.sessions[browser]?.browser as Buffer
    await requestVerification(reading, signet, { sub: account.sub, email, browserDigest, ...asked })
  })
  const { mail } = JSON.parse(unsealText(secrets['mail-sealing'], sealed, mailInQueue) ?? '') as QueuedMail
  const secret =
    mail.kind === 'verification'
      ? { token: new URL(mail.link).searchParams.get('token') ?? '', code: mail.code }
      : undefined
  return { account: a, browser, email, secret, open: true, wrong: 0 }
}

const confirmer = (world: World, { account, browser }: { readonly account: number; readonly browser: number }) => {
  const { sub, sessions } = world.accounts[account] as Account
  const { id, browser: digest } = sessions[browser] as Account['sessions'][number]
  return [{ kind: 'person', sub, caller }, { id, account: { sub } }, digest] as const
}

const mailOf = ({ mails }: World, back: number) => mails.at(-back)

/** Does a step, and returns its outcome; undefined if there is nothing to do it with. */
async function act(world: World, one: Exclude<Step, { kind: 'request' }>): Promise<string | undefined> {
  if (one.kind === 'wrong') {
    const codes = world.mails.map(({ secret }) => secret?.code)
    const wrong = ['000000', '000001', '000002'].find((code) => !codes.includes(code)) ?? ''
    return (await confirmByCode(signet, ...confirmer(world, one), wrong)).outcome
  }
  const secret = mailOf(world, one.mail)?.secret
  if (!secret) return undefined
  if (one.kind === 'disown') return disownEmail(signet, caller, secret.token)
  return one.kind === 'code'
    ? (await confirmByCode(signet, ...confirmer(world, one), secret.code)).outcome
    : (await confirmByLink(signet, ...confirmer(world, one), secret.token)).outcome
}

/** What the step does to the model, and the outcome that it must have. */
function expect(world: World, one: Exclude<Step, { kind: 'request' }>): ConfirmOutcome['outcome'] | 'done' | undefined {
  const { accounts, mails } = world
  const voidAll = (account: number) => {
    for (const mail of mails) if (mail.account === account) mail.open = false
  }
  const confirm = (a: number, email: string) => {
    if (accounts.some((other, index) => index !== a && other.verified && other.email === email)) return 'email_taken'
    Object.assign(accounts[a] as Account, { email, verified: true })
    voidAll(a)
    return 'verified'
  }
  const wrongCode = (a: number, browser: number) => {
    const waiting = mails.filter((mail) => mail.account === a && mail.browser === browser && mail.open)
    const guessed = waiting.filter(({ wrong }) => wrong < maxWrongCodes)
    for (const mail of guessed) mail.wrong++
    const hasOpen = mails.some((mail) => mail.account === a && mail.open)
    return !hasOpen && accounts[a]?.verified ? 'already_verified' : 'wrong_code'
  }
  if (one.kind === 'wrong') return wrongCode(one.account, one.browser)
  const mail = mailOf(world, one.mail)
  if (!mail?.secret) return undefined
  const holder = accounts[mail.account] as Account
  const hasVerified = holder.verified && holder.email === mail.email
  if (one.kind === 'disown') {
    if (hasVerified) return 'void_link'
    const isOwn = holder.email === mail.email
    if (isOwn) Object.assign(holder, { email: undefined, verified: false })
    if (isOwn || mail.open) voidAll(mail.account)
    return 'done'
  }
  if (one.kind === 'code') {
    const isRight =
      mail.account === one.account && mail.browser === one.browser && mail.open && mail.wrong < maxWrongCodes
    return isRight ? confirm(mail.account, mail.email) : wrongCode(one.account, one.browser)
  }
  if (mail.account !== one.account) return 'void_link'
  if (mail.open) return confirm(mail.account, mail.email)
  return hasVerified ? 'already_verified' : 'void_link'
}

async function stored({ sub }: Account) {
  const { rows } = await database.query<{ email: string; verified: boolean }>({
    text: 'SELECT email, verified_at IS NOT NULL AS verified FROM account_emails WHERE sub = $1',
    values: [sub],
  })
  return rows[0] ?? { email: undefined, verified: false }
}

async function requestIn(world: World, one: Extract<Step, { kind: 'request' }>): Promise<void> {
  const account = world.accounts[one.account] as Account
  // Nobody asks for a mail to an address that they have verified (request-email-change.ts).
  if (account.verified && account.email === world.addresses[one.address]) return
  const mail = await request(world, one)
  for (const earlier of world.mails)
    if (earlier.account === mail.account && earlier.email !== mail.email) earlier.open = false
  world.mails.push(mail)
}

t.test(
  'whatever two people do one after the other, an address is verified only by whoever reads its mail',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), async (steps) => {
        const world = await newWorld()
        for (const one of steps) {
          if (one.kind === 'request') {
            await requestIn(world, one)
            continue
          }
          const found = await act(world, one)
          const expected = expect(world, one)
          if (found !== expected) throw new Error(`${one.kind}: ${found} instead of ${expected}`)
        }
        for (const account of world.accounts) {
          const { email, verified } = await stored(account)
          if (email !== account.email || verified !== account.verified)
            throw new Error(`stored: ${email} ${verified} instead of ${account.email} ${account.verified}`)
        }
      }),
      { numRuns: 60 },
    )
  },
)

t.test('whatever happens at once, an address is verified by one account, and each mail is spent once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: 4 }),
      fc.array(step, { minLength: 4, maxLength: 10 }),
      async (first, atOnce) => {
        const world = await newWorld()
        for (const account of [0, 1]) await requestIn(world, { kind: 'request', account, browser: 0, address: 0 })
        for (const one of first) if (one.kind === 'request') await requestIn(world, one)
        const acts = atOnce.filter((one) => one.kind !== 'request')
        const outcomes = await Promise.all(acts.map((one) => act(world, one)))
        const verifying = outcomes.filter((outcome) => outcome === 'verified').length
        const accounts = await Promise.all(world.accounts.map(stored))
        const verified = accounts.filter((account) => account.verified)
        if (new Set(verified.map(({ email }) => email)).size < verified.length) throw new Error('verified twice')
        // A mail of the other address may verify an account a second time; the same mail never does.
        if (verifying > new Set(world.mails.map(({ account, email }) => `${account} ${email}`)).size)
          throw new Error(`${verifying} verifications`)
        const { rows } = await database.query({
          text: 'SELECT FROM email_verifications WHERE sub = ANY ($1) AND wrong_codes > $2',
          values: [world.accounts.map(({ sub }) => sub), maxWrongCodes],
        })
        if (rows.length > 0) throw new Error('too many guesses')
      },
    ),
    { numRuns: 60 },
  )
})
