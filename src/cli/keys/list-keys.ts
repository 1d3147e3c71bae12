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
        'List keys with their states and what comes next: standby, active and retiring ones, then retired and revoked ones, the newest first.',
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
        sayNotRevokedYet(terminal, view)
        unaware = await unawareVerifiers(view, installation.database)
        return keyDocuments(view, unaware)
      }
      await printPages(terminal, flags, {
        find: async (installation, kid) => {
          all ??= await load(installation)
          if (!all.some((key) => key.kid === kid)) throw new CommandFailed(`There is no key ${kid.slice(0, 80)}.`)
          return { kid }
        },
        // All keys fit into memory, as on every node: there are two for each rotation.
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

/** `signet keys export-public`: always JSON, for a verifier that cannot fetch. */
export function exportPublicCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('export-public')
    .description('Print the JWK Set as it is served, as JSON; nothing in it is private.')
    .addOption(notEmpty(oneValue('--kid <kid>', 'only this key, as one JWK')))
    .action(async ({ kid }: { readonly kid?: string }) => {
      // The very bytes that are served: there is no second way to leave out what is private.
      const set = await readingKeys(terminal, async (view) => {
        sayNotRevokedYet(terminal, view)
        return JSON.parse(view.jwkSet.body.toString('utf8'))
      })
      const { keys: published } = set as { readonly keys: readonly { readonly kid: string }[] }
      const found = kid === undefined ? { keys: published } : published.find((key) => key.kid === kid)
      if (!found)
        throw new CommandFailed(`No key ${kid?.slice(0, 80)} is published: signet keys list shows those that are.`)
      terminal.writeOut(`${visibleJson(found)}\n`)
    })
}

/**
 * Warns on standard error about keys that are revoked by the keys directory and not by the database. A command that only looks does
 * not carry the revocation out.
 */
function sayNotRevokedYet(
  { writeError }: Pick<Terminal, 'writeError'>,
  { notRevokedYet }: Pick<KeyView, 'notRevokedYet'>,
): void {
  if (notRevokedYet.length === 0) return
  const kids = notRevokedYet.map(oneLine).join(', ')
  writeError(
    `signet: The keys directory says that ${kids} was revoked, but the database does not: signet recover carries that out.\n`,
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

/** Of each standby, the verifiers that name themselves and have not fetched the JWK Set since it was published. */
async function unawareVerifiers({ keys, delays }: KeyView, db: Queryable): Promise<Unaware[]> {
  const standbys = [...keys].filter(([, state]) => state === 'standby').map(([key]) => key)
  // For so long a node may have gone on to serve the set without it.
  const lease = delays.keyLease * 1000
  return Promise.all(
    standbys.map(async ({ kid, alg, publishedAt }) => ({
      ...{ kid, alg, publishedAt },
      verifiers: await listNotSeenSince(db, publishedAt + lease, 100),
    })),
  )
}

/** A person sees the first ten. */
function inSentences({ kid, alg, publishedAt, verifiers }: Unaware): string {
  if (verifiers.length === 0) return ''
  const lines = verifiers
    .slice(0, 10)
    .map(({ name, fetchedAt }) => `  ${oneLine(name)} (last fetched ${pastMoment(fetchedAt.getTime())})\n`)
  const more = verifiers.length > 10 ? '  and more: signet keys list --json\n' : ''
  const since = `since ${alg} standby ${kid} was published at ${pastMoment(publishedAt)}`
  return `\nVerifiers that have not fetched the set ${since}:\n${lines.join('')}${more}`
}

/** The keys that are of use, by algorithm and in the order in which they sign; then those that no longer are, the newest first. */
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
 * What happens next to a key, and when, in words.
 *
 * @param states of all keys
 * @param now milliseconds since 1970
 * @param activationDelay seconds, the one in force
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
      const before = key === standbys[0] ? ', unless one is needed before' : ''
      return `${ripeness(key, now, activationDelay)}, signs from ${moment(key.activatesAt)}${before}`
    }
    case 'active':
      return standbys[0]
        ? `signs until ${moment(standbys[0].activatesAt)}, unless it is rotated or revoked before`
        : 'signs until another one is made'
    case 'retiring':
      return key.retiresAt === undefined
        ? 'signs no more, and leaves the set when its last token has expired'
        : `signs no more, and leaves the set ${moment(key.retiresAt)}`
    case 'retired':
      return 'left the set; its public half is kept for hints (id_token_hint)'
    default:
      return `revoked ${pastMoment(key.revokedAt ?? now)}, and refused for good`
  }
}

/** Whether every verifier has seen a standby, in words. */
function ripeness(key: KeyMoments, now: number, activationDelay: number): string {
  const ripe = ripensAt(key, activationDelay)
  return ripe <= now ? `ripe since ${pastMoment(ripe)}` : `ripe from ${moment(ripe)}`
}
