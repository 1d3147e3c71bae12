import { Secret, TOTP } from 'otpauth'
import { replaceRecoveryCodes } from '../../src/operations/replace-recovery-codes.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { newTotpSecret, sealTotp } from '../../src/records/accounts/totp.ts'
import { insertTotp } from '../../src/records/accounts/totp-store.ts'
import type { Browser, Visit } from './browser.ts'
import type { Idp, Person } from './idp.ts'

/** Seconds for which an authenticator app shows a code. */
const period = 30

/**
 * The code that an authenticator app shows.
 *
 * @param secret in base32, as the set-up page shows it, or as bytes
 * @param now milliseconds since 1970, by the clock of the installation (`signet.clock.now()`)
 * @param steps how many codes later
 */
export function oneTimeCode(secret: string | Buffer, now: number, steps = 0): string {
  const own = typeof secret === 'string' ? Secret.fromBase32(secret.replaceAll(/\s/g, '')) : ofBytes(secret)
  return TOTP.generate({ secret: own, algorithm: 'SHA1', digits: 6, period, timestamp: now + steps * period * 1000 })
}

function ofBytes(bytes: Buffer): Secret {
  return new Secret({ buffer: new Uint8Array(bytes).buffer })
}

/** An authenticator app with the secret of an account. */
export interface AuthenticatorApp {
  readonly secret: Buffer
  /** The id of the credential. */
  readonly id: number
  /** The code that it shows, by the clock of the installation; `steps` codes later. */
  readonly code: (steps?: number) => string
}

type Account = Pick<Person, 'sub'>

/** Gives an account one-time codes, as if its person had set them up long ago. */
export async function giveTotp(
  { signet }: Idp,
  { sub }: Account,
  { isVouched = false }: { readonly isVouched?: boolean } = {},
): Promise<AuthenticatorApp> {
  const secret = newTotpSecret()
  const sealed = sealTotp(signet.secrets['totp-sealing'], sub, secret)
  const id = await inTransaction(signet.database, (tx) => insertTotp(tx, sub, sealed, { lastStep: 0, isVouched }))
  if (id === undefined) throw new Error('The account has one-time codes already.')
  return { secret, id, code: (steps = 0) => oneTimeCode(secret, signet.clock.now(), steps) }
}

/** Gives an account recovery codes. */
export function giveRecoveryCodes({ signet }: Idp, { sub }: Account): Promise<readonly string[]> {
  return inTransaction(signet.database, (tx) => replaceRecoveryCodes(tx, signet, sub))
}

/** Enters the password of a person, and returns the page of the second step. */
export async function enterPassword(browser: Browser, person: Person, from = '/sign-in'): Promise<Visit> {
  const { username, password } = person
  const form = await browser.follow(await browser.get(from))
  return browser.follow(await browser.submit(form, 'sign-in', { username, password }))
}

/** Enters the password, and then a code, and returns the answer to that. */
export async function signInWithCode(browser: Browser, person: Person, code: string): Promise<Visit> {
  return browser.submit(await enterPassword(browser, person), 'confirm', { code })
}

/** A clock of an installation that stands still until it is set. */
export interface StoppedClock {
  /** Moves it, also back. */
  readonly advance: (seconds: number) => void
}

/** Stops the clock with which an installation checks codes, in the middle of a time step, so that no test depends on how long something takes. */
export function stopClock({ signet }: Idp): StoppedClock {
  const { clock } = signet
  let now = Math.floor(clock.now() / (period * 1000)) * period * 1000 + (period * 1000) / 2
  const stopped = { ...clock, now: () => now, seconds: () => Math.floor(now / 1000) }
  Object.assign(signet, { clock: stopped })
  return {
    advance: (seconds) => {
      now += seconds * 1000
    },
  }
}
