import type { Queryable } from '../platform/database/queryable.ts'
import { sealText, secretFor, unsealText } from '../platform/secrets/purpose-secrets.ts'
import { hasSecondFactor, kindsOf } from '../records/accounts/factors.ts'
import type { Factor } from '../records/accounts/factors-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import type { signedOut } from './as-signed-in.ts'
import { notifyPerson } from './notify-person.ts'
import { asFreshlyProven, type stale } from './own-factors.ts'
import { replaceRecoveryCodes } from './replace-recovery-codes.ts'

export type RenewedCodes =
  | { readonly outcome: 'created'; readonly codes: readonly string[] }
  /** `no_factor`: there is nothing that codes could stand in for. */
  | { readonly outcome: 'no_factor' | typeof stale | typeof signedOut }

/**
 * Creates new recovery codes for a person. Earlier ones no longer work. The person is told by mail.
 *
 * @returns the codes, which must be shown now: nobody can read them again
 */
export async function renewOwnRecoveryCodes(signet: Signet, actor: Person, session: Session): Promise<RenewedCodes> {
  const { account } = session
  const renew = async (tx: Queryable, factors: readonly Factor[]): Promise<RenewedCodes> => {
    if (!hasSecondFactor(kindsOf(factors))) return { outcome: 'no_factor' }
    const codes = await replaceRecoveryCodes(tx, signet, account.sub)
    await recordEvent(tx, { type: 'recovery_codes_created', caller: actor.caller, sub: account.sub })
    const mail = { kind: 'recovery-codes-replaced', at: signet.clock.now() } as const
    await notifyPerson(tx, signet, actor, account, mail)
    return { outcome: 'created', codes }
  }
  const renewed = await asFreshlyProven(signet, session, renew)
  return typeof renewed === 'string' ? { outcome: renewed } : renewed
}

/** Seconds for which codes that are on a page can be downloaded from it. */
const downloadTtl = 3600

const shownTo = (sub: Sub) => `shown-recovery-codes:${sub}`

/**
 * Seals codes for the page that shows them, so that its form can ask for them as a file. They are stored nowhere else, and the file contains nothing that
 * somebody else made up.
 *
 * @throws KeysUnavailable if this node cannot confirm its secrets
 */
export function sealShownCodes({ secrets, clock }: Signet, sub: Sub, codes: readonly string[]): string {
  const content = JSON.stringify([clock.now() + downloadTtl * 1000, codes])
  return sealText(secrets['request-sealing'], content, shownTo(sub))
}

/**
 * Opens the codes of a page.
 *
 * @returns undefined if they were not shown to this person, or too long ago
 * @throws what reloading the secrets throws
 */
export async function readShownCodes(
  { secrets, clock }: Signet,
  sub: Sub,
  sealed: string | undefined,
): Promise<readonly string[] | undefined> {
  if (sealed === undefined) return undefined
  const text = unsealText(await secretFor(secrets, 'request-sealing', sealed), sealed, shownTo(sub))
  if (text === undefined) return undefined
  const [expiresAt, codes] = JSON.parse(text) as [number, string[]]
  return clock.now() < expiresAt ? codes : undefined
}
