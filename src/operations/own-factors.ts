import type { Queryable } from '../platform/database/queryable.ts'
import { type KeepReason, whyKept } from '../records/accounts/factor-removal.ts'
import { hasSecondFactor, isFreshlyProven, kindsOf } from '../records/accounts/factors.ts'
import { type Factor, listFactors, removeFactor } from '../records/accounts/factors-store.ts'
import { renamePasskey } from '../records/accounts/passkeys-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { asSignedIn, type signedOut } from './as-signed-in.ts'
import { notifyPerson } from './notify-person.ts'

type Context = Pick<Signet, 'database' | 'turns' | 'settings' | 'secrets' | 'clock'>

/** The person must prove themselves again. Another browser may have added a factor in the meantime, which then counts. */
export const stale = 'stale'

/**
 * Runs `work` in a transaction if the person has recently proven themselves with the strongest factor that the account has now. A stolen session is not enough
 * to change how somebody signs in. The account and the session stay locked until the transaction ends, so concurrent changes of one account see each other's
 * results.
 *
 * @param session as it was when the request came
 * @param work gets everything that the account can be signed in to with
 * @throws TooManyWaiting; whatever `work` throws
 */
export async function asFreshlyProven<T>(
  signet: Pick<Context, 'database' | 'turns' | 'clock'>,
  session: Session,
  work: (tx: Queryable, factors: readonly Factor[]) => Promise<T>,
): Promise<T | typeof stale | typeof signedOut> {
  return asSignedIn(signet, session, async (tx) => {
    const factors = await listFactors(tx, session.account.sub)
    return isFreshlyProven(session, kindsOf(factors), signet.clock.now()) ? work(tx, factors) : stale
  })
}

/** `gone`: it has been removed already, or belongs to somebody else. */
export type Removed = 'removed' | 'gone' | KeepReason | typeof stale | typeof signedOut

/**
 * Removes a passkey from the account of a person, who is told by mail. Sessions that it has started continue.
 *
 * @param id of the credential
 */
export async function removeOwnPasskey(signet: Context, actor: Person, session: Session, id: number): Promise<Removed> {
  return asFreshlyProven(signet, session, async (tx, factors) => {
    const passkey = factors.find((factor) => factor.kind === 'passkey' && factor.id === id)
    return passkey ? removeFrom(tx, signet, actor, session, { factors, removed: passkey, factor: 'passkey' }) : 'gone'
  })
}

/** Removes the one-time codes of a person, who is told by mail. From then on the password alone signs in again. */
export async function removeOwnTotp(signet: Context, actor: Person, session: Session): Promise<Removed> {
  return asFreshlyProven(signet, session, async (tx, factors) => {
    const totp = factors.find(({ kind }) => kind === 'totp')
    return totp ? removeFrom(tx, signet, actor, session, { factors, removed: totp, factor: 'totp' }) : 'gone'
  })
}

interface Removal {
  readonly factors: readonly Factor[]
  readonly removed: Factor
  readonly factor: 'passkey' | 'totp'
}

async function removeFrom(
  tx: Queryable,
  signet: Context,
  { caller, ...actor }: Person,
  { account }: Session,
  { factors, removed, factor }: Removal,
): Promise<'removed' | KeepReason> {
  const { sub } = account
  const reason = whyKept(signet.settings, factors, removed.id)
  if (reason) return reason
  await removeFactor(tx, sub, removed.id)
  // They only stand in for a factor.
  const codes = factors.find(({ kind }) => kind === 'recovery_codes')
  const left = factors.filter((one) => one !== removed)
  if (codes && !hasSecondFactor(kindsOf(left))) await removeFactor(tx, sub, codes.id)
  const event = { caller, sub, ...(removed.name !== undefined && { detail: { passkey: removed.name } }) }
  await recordEvent(tx, { type: factor === 'passkey' ? 'passkey_removed' : 'totp_removed', ...event })
  const mail = { kind: 'factor-removed', factor, by: 'person', at: signet.clock.now() } as const
  await notifyPerson(tx, signet, { caller, ...actor }, account, mail)
  return 'removed'
}

/**
 * Renames a passkey of a person.
 *
 * @param id of the credential
 * @param name readable, see `readPasskeyName`
 */
export async function renameOwnPasskey(
  signet: Context,
  { caller }: Person,
  session: Session,
  { id, name }: { readonly id: number; readonly name: string },
): Promise<'renamed' | 'gone' | typeof stale | typeof signedOut> {
  return asFreshlyProven(signet, session, async (tx, factors) => {
    const { sub } = session.account
    const passkey = factors.find((factor) => factor.kind === 'passkey' && factor.id === id)
    if (!passkey || !(await renamePasskey(tx, sub, id, name))) return 'gone'
    const before = passkey.name !== undefined && { before: passkey.name }
    if (passkey.name !== name)
      await recordEvent(tx, { type: 'passkey_renamed', caller, sub, detail: { passkey: name, ...before } })
    return 'renamed'
  })
}
