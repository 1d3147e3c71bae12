import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { passkeyAmr } from '../records/accounts/factors.ts'
import { lockPasskey } from '../records/accounts/passkeys-store.ts'
import type { Caller } from '../records/events/events-store.ts'
import type { BrowserDigests } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { beginSession } from './begin-session.ts'
import type { PasskeyRefusal } from './passkey-answers.ts'
import { checkPasskey, refusePasskey, spendPasskeyAnswer } from './passkey-ceremonies.ts'

/**
 * Signs a browser in with a passkey, which says whose it is. A passkey is two factors in one, so nothing else is asked for.
 *
 * @param browser its session uses the new cookie once this has returned `signed_in`
 * @param answer the field `credential` of the form
 * @throws LimitExceeded, TooManyWaiting
 */
export async function signInWithPasskey(
  signet: Signet,
  caller: Caller,
  browser: BrowserDigests,
  answer: string | undefined,
): Promise<'signed_in' | 'refused'> {
  const { database, clock, turns, endings } = signet
  const attempt = { browserDigest: browser.browserDigest, use: 'sign-in', answer } as const
  const checked = await checkPasskey(signet, attempt)
  if ('refusal' in checked) return (await refusePasskey(signet, caller, attempt, checked)).outcome
  const { passkey } = checked
  const start = async (tx: Queryable): Promise<PasskeyRefusal | { readonly left: boolean }> => {
    // It may have been removed, or the account disabled, while it was being checked. The challenge is spent all the same.
    const isHeld = await lockPasskey(tx, passkey.sub, passkey.id)
    const refusal = await spendPasskeyAnswer(tx, checked)
    if (refusal || !isHeld) return refusal ?? 'disabled'
    const person = { kind: 'person', sub: passkey.sub, caller } as const
    const proven = { authTime: clock.now(), amr: passkeyAmr, factor: 'passkey' } as const
    return (await beginSession(tx, signet, person, browser, proven)) ?? 'disabled'
  }
  const started = await turns.take(accountTurn(passkey.sub), () => inTransaction(database, start))
  if (typeof started === 'string')
    return (await refusePasskey(signet, caller, attempt, { passkey, refusal: started })).outcome
  if (started.left) endings.wake()
  return 'signed_in'
}
