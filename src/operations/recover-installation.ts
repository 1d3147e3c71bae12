import type { KeyRing } from '../key-ring/key-ring.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { longestAccessTokenTtl } from '../records/resources/resources-store.ts'
import { signEverybodyOut } from '../records/sessions/everybody-store.ts'
import type { Signet } from '../signet.ts'
import { authorOf, type Operator, originOf } from './actor.ts'

export interface Recovery {
  /** By their kid. */
  readonly activeKeys: readonly string[]
  readonly revokedKeys: readonly string[]
  /** They signed, and are not in the database: made after the backup. */
  readonly lostKeys: readonly string[]
  /** How many secrets the keys directory remembers as revoked. */
  readonly revokedSecrets: number
  /** How many facts the keys directory remembers at all. */
  readonly ledgerFacts: number
  /** Undefined where nobody was signed out. */
  readonly ended: { readonly sessions: number; readonly grants: number } | undefined
}

/**
 * Puts a database right that was restored from a backup. Doing it twice, or without need, does no harm. Signing everybody out takes many
 * transactions, so that no statement takes long; the event is recorded when all of it is done.
 *
 * @param signet its key ring was opened just now, and so were the secrets: that revokes again what the keys directory remembers
 */
export async function recoverInstallation(
  { database, settings, keyRing }: Pick<Signet, 'database' | 'settings' | 'keyRing'>,
  actor: Operator,
  { signEveryoneOut, reason }: { readonly signEveryoneOut: boolean; readonly reason: string | undefined },
): Promise<Recovery> {
  // Seconds: of everything that can be signed under the settings and resources as they are now.
  const longest = (await longestAccessTokenTtl(database)) ?? 0
  await keyRing.extendRetention(Math.max(settings.accessTokenTtl, settings.idTokenTtl, longest))
  const ended = signEveryoneOut ? await signEverybodyOut(database, authorOf(actor, reason)) : undefined
  await recordEvent(database, {
    ...{ type: 'installation_recovered', ...originOf(actor) },
    detail: {
      ...(reason !== undefined && { reason }),
      ...(ended && { sessions: ended.sessions, grants: ended.grants }),
    },
  })
  return { ...judgeKeys(keyRing), ended }
}

/** What the keys directory knows, beside what the database has now that the ring was opened, and told what it had forgotten. */
function judgeKeys(keyRing: Pick<KeyRing, 'keys' | 'ledger'>): Omit<Recovery, 'ended'> {
  const { activatedAt, revokedAt, revokedSecrets } = keyRing.ledger
  const states = new Map([...keyRing.keys()].map(([{ kid }, state]) => [kid, state]))
  return {
    activeKeys: [...states].filter(([, state]) => state === 'active').map(([kid]) => kid),
    revokedKeys: [...states].filter(([, state]) => state === 'revoked').map(([kid]) => kid),
    lostKeys: [...activatedAt.keys()].filter((kid) => !states.has(kid) && !revokedAt.has(kid)),
    revokedSecrets: revokedSecrets.size,
    ledgerFacts: activatedAt.size + revokedAt.size + revokedSecrets.size,
  }
}
