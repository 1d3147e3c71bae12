import type { Command } from 'commander'
import { ripensAt } from '../../key-ring/decisions.ts'
import type { KeyRing } from '../../key-ring/key-ring.ts'
import type { KeyState } from '../../key-ring/schedule.ts'
import { listNotSeenSince, type Sighting } from '../../key-ring/verifiers-store.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { Signet } from '../../signet.ts'
import { CommandFailed } from '../failures.ts'
import { json } from '../flags.ts'
import { type Document, oneLine } from '../output.ts'
import { addPageFlags, type PageFlags, printPages } from '../paging.ts'
import type { Terminal } from '../terminal.ts'
import { moment } from './moment.ts'
import { whatNext } from './what-next.ts'

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
      const load = async ({ keyRing, clock, database }: Signet) => {
        unaware = await unawareVerifiers(keyRing, database)
        return keyDocuments(keyRing, clock.now(), unaware)
      }
      await printPages(terminal, flags, {
        find: async (signet, kid) => {
          all ??= await load(signet)
          if (!all.some((key) => key.kid === kid)) throw new CommandFailed(`There is no key ${kid.slice(0, 80)}.`)
          return { kid }
        },
        // Every node has all keys in memory: there are two for each rotation.
        read: async (signet, after, limit) => {
          all ??= await load(signet)
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

type KeyDocument = Document & { readonly kid: string }

interface Unaware {
  readonly kid: string
  readonly alg: string
  /** Milliseconds since 1970. */
  readonly publishedAt: number
  readonly verifiers: readonly Sighting[]
}

/** Of each standby, the verifiers that name themselves and have not fetched the JWK Set since it was published. */
async function unawareVerifiers(keyRing: Pick<KeyRing, 'keys' | 'delays'>, db: Queryable): Promise<Unaware[]> {
  const standbys = [...keyRing.keys()].filter(([, state]) => state === 'standby').map(([key]) => key)
  // For so long a node may have gone on to serve the set without it.
  const lease = keyRing.delays().keyLease * 1000
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
    .map(({ name, fetchedAt }) => `  ${oneLine(name)} (last fetched ${moment(fetchedAt.getTime())})\n`)
  const more = verifiers.length > 10 ? '  and more: signet keys list --json\n' : ''
  const since = `since ${alg} standby ${kid} was published at ${moment(publishedAt)}`
  return `\nVerifiers that have not fetched the set ${since}:\n${lines.join('')}${more}`
}

/**
 * The keys that are of use, by algorithm and in the order in which they sign; then those that no longer are, the newest first.
 *
 * @param now milliseconds since 1970
 */
function keyDocuments(
  keyRing: Pick<KeyRing, 'keys' | 'delays'>,
  now: number,
  unaware: readonly Unaware[],
): KeyDocument[] {
  const states = keyRing.keys()
  const { activationDelay } = keyRing.delays()
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
