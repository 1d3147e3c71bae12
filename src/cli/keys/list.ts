import type { Command } from 'commander'
import type { Installation } from '../../installation.ts'
import type { KeyView } from '../../key-ring/key-snapshot.ts'
import { ripensAt } from '../../key-ring/rotation.ts'
import type { KeyState } from '../../key-ring/schedule.ts'
import { listNotSeenSince, type Sighting } from '../../key-ring/verifiers-store.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { CommandFailed } from '../failures.ts'
import { json } from '../flags.ts'
import { type Document, oneLine } from '../output.ts'
import { addPageFlags, type PageFlags, printPages } from '../paging.ts'
import type { Terminal } from '../terminal.ts'
import { pastMoment } from './moment.ts'
import { sayNotRevokedYet } from './not-revoked-yet.ts'
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

type KeyDocument = Document & { readonly kid: string }

interface Unaware {
  readonly kid: string
  readonly alg: string
  /** Milliseconds since 1970. */
  readonly publishedAt: number
  readonly verifiers: readonly Sighting[]
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
