import type { Queryable } from '../platform/database/queryable.ts'
import { randomText } from '../platform/secrets/digest.ts'
import { insertAccount } from '../records/accounts/accounts-store.ts'
import { passkeyAmr, passwordAmr } from '../records/accounts/factors.ts'
import type { NewPasskey } from '../records/accounts/passkeys-store.ts'
import { isShortPassword } from '../records/accounts/password-rules.ts'
import type { Caller, NewEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { type BrowserDigests, startSession } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { addPasskeyWithCodes } from './first-passkey.ts'
import type { Visitor } from './matching-account.ts'

/** What somebody who creates an account signs in with. */
export type FirstCredential =
  | { readonly kind: 'password'; readonly passwordHash: string; readonly isPasswordShort: boolean }
  /** `sub`: of the account that the passkey was created for. */
  | { readonly kind: 'passkey'; readonly passkey: NewPasskey & { readonly sub: Sub }; readonly device: string }

/** Hashes a new password that has no fault. @throws HashQueueFull, TooManyWaiting */
export async function firstPassword(signet: Signet, caller: Visitor, password: string): Promise<FirstCredential> {
  const isPasswordShort = isShortPassword(password, signet.settings)
  return { kind: 'password', passwordHash: await signet.passwords.hash(password, caller), isPasswordShort }
}

export interface InsertedAccount {
  readonly sub: Sub
  readonly recoveryCodes: readonly string[]
  readonly events: readonly NewEvent[]
}

/** `detail`: of the event `account_created`. */
interface SignedUp {
  readonly name: string | undefined
  readonly email: string
  readonly detail?: NewEvent['detail']
}

/**
 * Inserts the account of somebody who creates it themselves. Its address is not verified.
 *
 * @param tx a transaction that has locked the address
 * @returns the account, the recovery codes to show, once, and the events that the caller records; `passkey_exists` if some account has the passkey already: then the transaction must be rolled
 *   back
 */
export async function insertSignedUp(
  tx: Queryable,
  signet: Pick<Signet, 'secrets'>,
  caller: Caller,
  { name, email, detail }: SignedUp,
  credential: FirstCredential,
): Promise<InsertedAccount | 'passkey_exists'> {
  const sub = credential.kind === 'passkey' ? credential.passkey.sub : (randomText(16) as Sub)
  const { passwordHash, isPasswordShort } =
    credential.kind === 'password' ? credential : { passwordHash: undefined, isPasswordShort: false }
  const profile = name === undefined ? {} : { name }
  const account = { sub, profile, email, passwordHash, isPasswordShort, signedUp: true }
  const inserted = await insertAccount(tx, account)
  // A sign-up sets no user name, and its address is not verified yet, so neither can be taken.
  if (inserted !== 'done') throw new Error(`An account could not be inserted: ${inserted}.`)
  const created: NewEvent = { type: 'account_created', caller, sub, ...(detail && { detail }) }
  if (credential.kind === 'password') return { sub, recoveryCodes: [], events: [created] }
  const { passkey, device } = credential
  const given = { passkey, device, isVouched: false, hasCodes: false }
  const added = await addPasskeyWithCodes(tx, signet, caller, sub, given)
  return added ? { sub, ...added, events: [created, ...added.events] } : 'passkey_exists'
}

/** Signs the browser in to an account that was just created. @returns `left`: rows of its previous session remain to be updated */
export async function startFirstSession(
  tx: Queryable,
  { settings, clock, secrets }: Pick<Signet, 'settings' | 'clock' | 'secrets'>,
  caller: Caller,
  browser: BrowserDigests,
  sub: Sub,
  { kind }: FirstCredential,
): Promise<boolean> {
  const proven = kind === 'passkey' ? ({ amr: passkeyAmr, factor: 'passkey' } as const) : { amr: passwordAmr }
  const who = { sub, authTime: clock.now(), ...proven, caller, sidVersion: secrets['session-id'].current }
  return (await startSession(tx, settings.sessionTtl, browser, who))?.left ?? false
}
