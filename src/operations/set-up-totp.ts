import type { Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { sealText, secretFor, unsealText } from '../platform/secrets/purpose-secrets.ts'
import { displayName } from '../records/accounts/account.ts'
import { codeAmr, hasSecondFactor, kindsOf } from '../records/accounts/factors.ts'
import { type Factor, replaceTotp } from '../records/accounts/factors-store.ts'
import { spendChallenge } from '../records/accounts/passkeys-store.ts'
import { acceptedStep, newTotpSecret, readOneTimeCode, sealTotp, totpSetUp } from '../records/accounts/totp.ts'
import { insertTotp } from '../records/accounts/totp-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { raiseSession, type Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import type { signedOut } from './as-signed-in.ts'
import { notifyPerson } from './notify-person.ts'
import { asFreshlyProven, type stale } from './own-factors.ts'
import { countOf, endPasswordSessions } from './own-sessions.ts'
import { replaceRecoveryCodes } from './replace-recovery-codes.ts'

/*
 * Setting up one-time codes (TOTP, RFC 6238). The secret travels sealed in the form until the person has entered a first code, which proves that their app
 * has it. Only then is it stored. So a set-up that is not completed leaves nothing behind, and nobody is locked out by a QR code that was never scanned.
 */

/** Seconds within which a set-up must be completed. */
const lifetime = 1800

/** A set-up as its page shows it. */
export interface TotpSetup {
  /** For the hidden field of the form. */
  readonly sealed: string
  /** The secret in base32, for somebody who types it. */
  readonly key: string
  /** An `otpauth:` link, which is also in the QR code. */
  readonly uri: string
}

/** The session that a set-up is bound to. It keeps its id under a new cookie. */
type Own = Pick<Session, 'id' | 'account'>

const associated = ({ id, account }: Own) => `totp-set-up:${account.sub}:${id}`

/**
 * Starts a set-up with a new secret. Nothing is stored.
 *
 * @param factors of the account. If it has one-time codes already, the new ones will replace them
 * @throws KeysUnavailable if this node cannot confirm its secrets
 */
export async function newTotpSetup(signet: Signet, session: Own, factors: readonly Factor[]): Promise<TotpSetup> {
  const secret = newTotpSecret()
  const content = [secret.toString('base64url'), signet.clock.now() + lifetime * 1000, totpOf(factors)?.id ?? null]
  const sealed = sealText(signet.secrets['request-sealing'], JSON.stringify(content), associated(session))
  return { sealed, ...(await shown(signet, session, secret)) }
}

/** A set-up that was begun in this session and has not expired. */
interface OpenedSetup extends TotpSetup {
  readonly secret: Buffer
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  /** The id of the one-time codes that the account had when the set-up began. */
  readonly replaces: number | undefined
}

/**
 * Opens the set-up of a form.
 *
 * @returns undefined if Signet did not seal it for this session, or if it has expired
 * @throws what reloading the secrets throws
 */
export async function readTotpSetup(
  signet: Signet,
  session: Own,
  sealed: string | undefined,
): Promise<OpenedSetup | undefined> {
  if (sealed === undefined) return undefined
  const sealing = await secretFor(signet.secrets, 'request-sealing', sealed)
  const text = unsealText(sealing, sealed, associated(session))
  if (text === undefined) return undefined
  const [encoded, expiresAt, replaces] = JSON.parse(text) as [string, number, number | null]
  if (signet.clock.now() >= expiresAt) return undefined
  const secret = Buffer.from(encoded, 'base64url')
  return { sealed, secret, expiresAt, replaces: replaces ?? undefined, ...(await shown(signet, session, secret)) }
}

function shown({ brand }: Signet, { account }: Own, secret: Buffer) {
  const person = account.email ?? account.username ?? displayName(account)
  return totpSetUp(secret, { issuer: brand.name, person })
}

function totpOf(factors: readonly Factor[]): Factor | undefined {
  return factors.find(({ kind }) => kind === 'totp')
}

/** `secondsLeft`: the maximum remaining lifetime of the session. */
interface Added {
  readonly outcome: 'added'
  /** They must be shown now, because nobody can read them again. */
  readonly recoveryCodes: readonly string[] | undefined
  readonly secondsLeft: number
}

/**
 * - `expired`: Signet did not seal this set-up for this session, it is too old, or it has been used
 * - `changed`: another browser was faster: the account no longer has the one-time codes, or none, that it had when the set-up began
 */
interface NotAdded {
  readonly outcome: 'expired' | 'wrong_code' | 'changed' | typeof stale | typeof signedOut
}

/**
 * Stores the secret of a set-up once its first code is right. One-time codes that the account had before are replaced. If several browsers set up codes at the
 * same time, exactly one succeeds.
 *
 * From now on the password alone does not sign in. So all other sessions that were started with the password alone end. This one counts as proven with the
 * code, and continues under a new cookie. Applications with `offline_access` keep their access. The person is told by mail.
 *
 * @param setup `sealed` from the form; `code` as typed; `sessionDigest`: the digest of the new cookie
 * @throws TooManyWaiting
 */
export async function confirmTotpSetup(
  signet: Signet,
  actor: Person,
  session: Session,
  setup: { readonly sealed: string | undefined; readonly code: string | undefined; readonly sessionDigest: Buffer },
): Promise<Added | NotAdded> {
  const opened = await readTotpSetup(signet, session, setup.sealed)
  if (!opened) return { outcome: 'expired' }
  const code = readOneTimeCode(setup.code)
  const step = code && (await acceptedStep(opened.secret, code, signet.clock.now(), 0))
  // Guesses are not counted: whoever has the form has the secret.
  if (!step) return { outcome: 'wrong_code' }
  const put = (tx: Queryable, factors: readonly Factor[]) =>
    putTotp(tx, signet, actor, session, { factors, opened, step, sessionDigest: setup.sessionDigest })
  const confirmed = await asFreshlyProven(signet, session, put)
  if (typeof confirmed === 'string') return { outcome: confirmed }
  if (confirmed.outcome !== 'added') return confirmed
  const { left, ...added } = confirmed
  if (left) signet.endings.wake()
  return added
}

interface NewTotp {
  readonly factors: readonly Factor[]
  readonly opened: OpenedSetup
  /** The time step of the first code. */
  readonly step: number
  readonly sessionDigest: Buffer
}

async function putTotp(
  tx: Queryable,
  signet: Signet,
  actor: Person,
  session: Session,
  { factors, opened, step, sessionDigest }: NewTotp,
): Promise<(Added & { readonly left: boolean }) | NotAdded> {
  const { sub } = session.account
  const kinds = kindsOf(factors)
  const replaced = totpOf(factors)
  if (replaced?.id !== opened.replaces) return { outcome: 'changed' }
  // Of the bytes: base64url can be written in several ways.
  const spent = digest(Buffer.from(opened.sealed, 'base64url'))
  if (!(await spendChallenge(tx, spent, opened.expiresAt))) return { outcome: 'expired' }

  const sealed = sealTotp(signet.secrets['totp-sealing'], sub, opened.secret)
  if (replaced) await replaceTotp(tx, sub, replaced.id, { ...sealed, lastStep: step })
  else await insertTotp(tx, sub, sealed, { lastStep: step, isVouched: hasSecondFactor(kinds) })
  const recoveryCodes = kinds.includes('recovery_codes') ? undefined : await replaceRecoveryCodes(tx, signet, sub)
  const ended = await endPasswordSessions(tx, session)
  const secondsLeft = await raiseSession(tx, session.id, {
    ...{ digest: sessionDigest, amr: codeAmr, authTime: undefined, provenAt: signet.clock.now() },
    // Where a passkey is the strongest factor, it or a recovery code in its place was proven just now, and a code must not hide that.
    factor: kinds.includes('passkey') ? undefined : 'totp',
  })

  const event = { caller: actor.caller, sub }
  const detail = { ...(replaced && { replaced: true }), ...countOf('sessions_ended', ended) }
  await recordEvent(tx, { type: 'totp_added', ...event, detail })
  if (recoveryCodes) await recordEvent(tx, { type: 'recovery_codes_created', ...event })
  const mail = { kind: 'factor-added', factor: 'totp', at: signet.clock.now() } as const
  await notifyPerson(tx, signet, actor, session.account, mail)
  return { outcome: 'added', recoveryCodes, secondsLeft, left: ended.left }
}
