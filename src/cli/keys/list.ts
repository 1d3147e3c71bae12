import type { Command } from 'commander'
import { ripensAt } from '../../key-ring/decisions.ts'
import type { KeyRing } from '../../key-ring/key-ring.ts'
import { listNotSeenSince, type Sighting } from '../../key-ring/verifiers-store.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { json } from '../flags.ts'
import { type Document, type Format, oneLine, printMany } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { withSignet } from '../with-signet.ts'
import { moment } from './moment.ts'
import { whatNext } from './what-next.ts'

/** `signet keys list`. */
export function listCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('list')
    .description('List all keys with their states (standby, active, retiring, retired, revoked) and what comes next.')
    .addOption(json())
    .action(async (format: Format) => {
      const { documents, unaware } = await withSignet(terminal, async ({ keyRing, clock, database }) => {
        const found = await unawareVerifiers(keyRing, database)
        return { documents: keyDocuments(keyRing, clock.now(), found), unaware: found }
      })
      const columns = ['alg', 'state', 'kid', 'published_at', 'activates_at', 'next']
      printMany(terminal, format, documents, columns, 'There are no keys.')
      if (!format.json) for (const found of unaware) terminal.writeOut(inSentences(found))
    })
}

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
 * The keys, by algorithm and in the order in which they sign.
 *
 * @param now milliseconds since 1970
 */
function keyDocuments(keyRing: Pick<KeyRing, 'keys' | 'delays'>, now: number, unaware: readonly Unaware[]): Document[] {
  const states = keyRing.keys()
  const { activationDelay } = keyRing.delays()
  return [...states]
    .sort(([a], [b]) => (a.alg < b.alg ? -1 : a.alg > b.alg ? 1 : a.activatesAt - b.activatesAt))
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
