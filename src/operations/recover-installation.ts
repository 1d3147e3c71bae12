import type { KeyRing } from '../key-ring/key-ring.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { longestAccessTokenTtl } from '../records/resources/resources-store.ts'
import { signOutEveryone } from '../records/sessions/sign-out-everyone-store.ts'
import type { Signet } from '../signet.ts'
import { authorOf, type Operator, originOf } from './actor.ts'

export interface Recovery {
  /** The kid of each active key. */
  readonly activeKeys: readonly string[]
  readonly revokedKeys: readonly string[]
  /** Keys that have signed but are not in the database, because they were created after the backup. */
  readonly lostKeys: readonly string[]
  /** How many secrets are revoked according to the keys directory. */
  readonly revokedSecrets: number
  /** How many facts the keys directory contains in total. */
  readonly ledgerFacts: number
  /** Undefined if nobody was signed out. */
  readonly ended: { readonly sessions: number; readonly grants: number } | undefined
}

/**
 * Repairs a database that was restored from a backup. Running it twice, or without need, does no harm. Signing everyone out takes many
 * transactions, so that no single statement takes long. The event is recorded when all of it is done.
 *
 * @param signet its key ring and its secrets have just been opened: opening them revokes again what is revoked according to the keys directory
 */
export async function recoverInstallation(
  { database, settings, keyRing }: Pick<Signet, 'database' | 'settings' | 'keyRing'>,
  actor: Operator,
  { signEveryoneOut, reason }: { readonly signEveryoneOut: boolean; readonly reason: string | undefined },
): Promise<Recovery> {
  // Seconds: the longest lifetime of tokens that can be signed with the current settings and resources.
  const longest = (await longestAccessTokenTtl(database)) ?? 0
  await keyRing.extendRetention(Math.max(settings.accessTokenTtl, settings.idTokenTtl, longest))
  const ended = signEveryoneOut ? await signOutEveryone(database, authorOf(actor, reason)) : undefined
  await recordEvent(database, {
    ...{ type: 'installation_recovered', ...originOf(actor) },
    detail: {
      ...(reason !== undefined && { reason }),
      ...(ended && { sessions: ended.sessions, grants: ended.grants }),
    },
  })
  return { ...summarizeKeys(keyRing), ended }
}

/** Compares the keys directory with the database, after opening the key ring has restored what the database had lost. */
function summarizeKeys(keyRing: Pick<KeyRing, 'keys' | 'ledger'>): Omit<Recovery, 'ended'> {
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
