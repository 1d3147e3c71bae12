import type { Command } from 'commander'
import type { Installation } from '../../installation.ts'
import type { KeyView } from '../../key-ring/key-snapshot.ts'
import { ripensAt } from '../../key-ring/rotation.ts'
import { inOrderOfActivation, type KeyMoments, type KeyState } from '../../key-ring/schedule.ts'
import { listNotSeenSince, type SeenVerifier } from '../../key-ring/verifiers-store.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { CommandFailed } from '../command-failures.ts'
import { json, notEmpty, oneValue } from '../flags.ts'
import { type Document, moment, oneLine, pastMoment } from '../output.ts'
import { addPageFlags, type PageFlags, printPages } from '../paging.ts'
import { type Terminal, visibleJson } from '../terminal.ts'
import { readingKeys } from '../with-signet.ts'

/** `signet keys list`. */
export function listCommand(keys: Command, terminal: Terminal): void {
  addPageFlags(
    keys
      .command('list')
      .description(
        'List keys with their state and what happens next: standby, active and retiring keys, then retired and revoked ones, newest first.',
      ),
    'kid',
  )
    .addOption(json())
    .action(async (flags: PageFlags) => {
      let all: KeyDocument[] | undefined
      let unaware: Unaware[] = []
      const load = async (installation: Installation) => {
        const { readKeys } = await import('../../installation-keys.ts')
        const view = await readKeys(installation)
        warnOfMissingRevocations(terminal, view)
        unaware = await unawareVerifiers(view, installation.database)
        return keyDocuments(view, unaware)
      }
      await printPages(terminal, flags, {
        find: async (installation, kid) => {
          all ??= await load(installation)
          if (!all.some((key) => key.kid === kid)) throw new CommandFailed(`There is no key ${kid.slice(0, 80)}.`)
          return { kid }
        },
        // All keys fit into memory, as on every node: each rotation adds two.
        read: async (installation, after, limit) => {
          all ??= await load(installation)
          const from = after === undefined ? 0 : all.findIndex(({ kid }) => kid === after.kid) + 1
          return all.slice(from, from + limit)
        },
        idOf: ({ kid }) => kid,
        documentOf: (key) => key,
        columns: ['alg', 'state', 'kid', 'published_at', 'activates_at', 'next'],
        nothing: 'There are no keys.',
        notes: (entries) =>
          unaware
            .filter(({ kid }) => entries.some((entry) => entry.kid === kid))
            .map(inSentences)
            .join(''),
      })
    })
}

/** `signet keys export-public`: always JSON, for verifiers that cannot fetch the JWK Set. */
export function exportPublicCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('export-public')
    .description('Print the JWK Set as it is served. It contains public keys only.')
    .addOption(notEmpty(oneValue('--kid <kid>', 'only this key, as one JWK')))
    .action(async ({ kid }: { readonly kid?: string }) => {
      // Parsed from the bytes that are served, so that there is only one place that leaves out private members.
      const set = await readingKeys(terminal, async (view) => {
        warnOfMissingRevocations(terminal, view)
        return JSON.parse(view.jwkSet.body.toString('utf8'))
      })
      const { keys: published } = set as { readonly keys: readonly { readonly kid: string }[] }
      const found = kid === undefined ? { keys: published } : published.find((key) => key.kid === kid)
      if (!found) throw new CommandFailed(`No key ${kid?.slice(0, 80)} is published. To list keys: signet keys list`)
      terminal.writeOut(`${visibleJson(found)}\n`)
    })
}

/**
 * Warns on standard error about keys that are revoked in the keys directory but not in the database. A read-only command does not
 * apply the revocation.
 */
function warnOfMissingRevocations(
  { writeError }: Pick<Terminal, 'writeError'>,
  { notRevokedYet }: Pick<KeyView, 'notRevokedYet'>,
): void {
  if (notRevokedYet.length === 0) return
  const kids = notRevokedYet.map(oneLine).join(', ')
  writeError(
    `signet: Revoked in the keys directory, but not in the database: ${kids}. To revoke it there too: signet recover\n`,
  )
}

type KeyDocument = Document & { readonly kid: string }

interface Unaware {
  readonly kid: string
  readonly alg: string
  /** Milliseconds since 1970. */
  readonly publishedAt: number
  readonly verifiers: readonly SeenVerifier[]
}

/** For each standby key, the verifiers that send a name and have not fetched the JWK Set since the key was published. */
async function unawareVerifiers({ keys, delays }: KeyView, db: Queryable): Promise<Unaware[]> {
  const standbys = [...keys].filter(([, state]) => state === 'standby').map(([key]) => key)
  // A node may have served the set without the key for this long.
  const lease = delays.keyLease * 1000
  return Promise.all(
    standbys.map(async ({ kid, alg, publishedAt }) => ({
      ...{ kid, alg, publishedAt },
      verifiers: await listNotSeenSince(db, publishedAt + lease, 100),
    })),
  )
}

/** The first ten verifiers, as text. */
function inSentences({ kid, alg, publishedAt, verifiers }: Unaware): string {
  if (verifiers.length === 0) return ''
  const lines = verifiers
    .slice(0, 10)
    .map(({ name, fetchedAt }) => `  ${oneLine(name)} (last fetched ${pastMoment(fetchedAt.getTime())})\n`)
  const more = verifiers.length > 10 ? '  and more: signet keys list --json\n' : ''
  const since = `since ${alg} standby ${kid} was published at ${pastMoment(publishedAt)}`
  return `\nVerifiers that have not fetched the JWK Set ${since}:\n${lines.join('')}${more}`
}

/** Keys in use, by algorithm and in the order in which they sign; then retired and revoked keys, newest first. */
function keyDocuments({ keys: states, delays, now }: KeyView, unaware: readonly Unaware[]): KeyDocument[] {
  const { activationDelay } = delays
  const isPast = (state: KeyState) => state === 'retired' || state === 'revoked'
  return [...states]
    .sort(([a, stateOfA], [b, stateOfB]) => {
      if (isPast(stateOfA) !== isPast(stateOfB)) return isPast(stateOfA) ? 1 : -1
      if (isPast(stateOfA)) return b.activatesAt - a.activatesAt
      return a.alg < b.alg ? -1 : a.alg > b.alg ? 1 : a.activatesAt - b.activatesAt
    })
    .map(([key, state]) => ({
      ...{ kid: key.kid, alg: key.alg, state },
      published_at: new Date(key.publishedAt),
      ripe_at: new Date(ripensAt(key, activationDelay)),
      activates_at: new Date(key.activatesAt),
      retires_at: dateOf(key.retiresAt),
      revoked_at: dateOf(key.revokedAt),
      next: whatNext(key, states, now, activationDelay),
      not_fetched_by: unaware.find(({ kid }) => kid === key.kid)?.verifiers.map(({ name }) => name),
    }))
}

function dateOf(milliseconds: number | undefined): Date | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds)
}

/**
 * Says what happens next to a key, and when.
 *
 * @param states of all keys
 * @param now milliseconds since 1970
 * @param activationDelay seconds, as currently set
 */
function whatNext<K extends KeyMoments>(
  key: K,
  states: ReadonlyMap<K, KeyState>,
  now: number,
  activationDelay: number,
): string {
  const standbys = [...states]
    .filter(([{ alg }, state]) => alg === key.alg && state === 'standby')
    .map(([standby]) => standby)
    .sort(inOrderOfActivation)
  switch (states.get(key)) {
    case 'standby': {
      const before = key === standbys[0] ? ', or earlier if needed' : ''
      return `${ripeness(key, now, activationDelay)}, signs from ${moment(key.activatesAt)}${before}`
    }
    case 'active':
      return standbys[0]
        ? `signs until ${moment(standbys[0].activatesAt)}, unless it is rotated or revoked earlier`
        : 'signs until another key is created'
    case 'retiring':
      return key.retiresAt === undefined
        ? 'no longer signs; leaves the JWK Set when its last token has expired'
        : `no longer signs; leaves the JWK Set at ${moment(key.retiresAt)}`
    case 'retired':
      return 'not in the JWK Set; its public key is kept for id_token_hint'
    default:
      return `revoked at ${pastMoment(key.revokedAt ?? now)}, refused permanently`
  }
}

/** Says whether all verifiers have seen a standby key. */
function ripeness(key: KeyMoments, now: number, activationDelay: number): string {
  const ripe = ripensAt(key, activationDelay)
  return ripe <= now ? `ripe since ${pastMoment(ripe)}` : `ripe from ${moment(ripe)}`
}
