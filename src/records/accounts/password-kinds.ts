import { createHmac } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { DatabaseLog } from '../../platform/log.ts'
import { type ImportedKind, type KindsOnRecord, readPasswordKinds } from './password-kinds-store.ts'

/**
 * Which kind of dummy a name gets that nobody has. Imported hashes take another time to check than our own until their people have signed in. If
 * every other name cost our own hash, the time of a response would tell which names were imported. So these names are divided into kinds in the same
 * proportions, by a keyed hash of the name, and a name always gets the same kind.
 *
 * A name of an account changes its kind once, from an imported one to our own, when its person signs in. Names that nobody has do so too, as many as
 * there are people who have signed in. Until the next import they change in no other way, so watching a name for weeks reveals nothing either.
 */
export interface PasswordKinds {
  /**
   * @param name in the form by which accounts are looked up
   * @returns undefined for our own kind
   */
  ofNobody(name: string): string | undefined
  /** Reads the numbers of the database again. */
  refresh(): Promise<void>
  stop(): Promise<void>
}

/** Milliseconds. For so long after the beginning of an import, imported names can be told by time. */
const interval = 10_000

/** Reads the numbers at intervals. If that fails, the previous ones continue to be used. */
export function createPasswordKinds(db: Queryable, log: DatabaseLog): PasswordKinds {
  let onRecord: KindsOnRecord | undefined
  const refresh = async () => {
    onRecord = await readPasswordKinds(db)
  }
  const ended = new AbortController()
  const keepReading = async () => {
    for (let isFailing = false; !ended.signal.aborted; ) {
      await pause(interval, undefined, { ref: false, signal: ended.signal }).catch(() => undefined)
      if (ended.signal.aborted) return
      isFailing = await refresh().then(
        () => false,
        (err: unknown) => {
          if (!isFailing) log.warn({ err }, 'The kinds of imported passwords could not be read.')
          return true
        },
      )
    }
  }
  const reading = keepReading()
  return {
    ofNobody: (name) => onRecord && kindOfNobody(onRecord, name),
    refresh,
    stop: () => {
      ended.abort()
      return reading
    },
  }
}

/**
 * The kind of a name that nobody has; undefined: our own.
 *
 * By rendezvous hashing each name first gets the origin of a password: one of the imported kinds, or none, in proportion to their numbers. If the
 * number of one origin grows, names move only to that one. Then a name with an imported origin keeps its kind for as long as the same share of the
 * imported passwords does.
 */
export function kindOfNobody({ key, others, kinds }: KindsOnRecord, name: string): string | undefined {
  if (kinds.length === 0) return undefined
  const chance = (purpose: string) => chanceOf(key, `${purpose} ${name}`)
  let [origin, lowest]: [ImportedKind | undefined, number] = [undefined, scoreOf(chance('others'), others)]
  for (const candidate of kinds) {
    const score = scoreOf(chance(`imported ${candidate.kind}`), candidate.imported)
    if (score < lowest) [origin, lowest] = [candidate, score]
  }
  if (!origin) return undefined
  return chance(`remaining ${origin.kind}`) < origin.remaining / origin.imported ? origin.kind : undefined
}

/** The lowest of several scores belongs to each with a probability in proportion to its weight. */
function scoreOf(chance: number, weight: number): number {
  return weight > 0 ? -Math.log(chance) / weight : Number.POSITIVE_INFINITY
}

/** Between 0 and 1, neither included. */
function chanceOf(key: string, text: string): number {
  return (createHmac('sha256', key).update(text).digest().readUIntBE(0, 6) + 0.5) / 2 ** 48
}
