/*
 * Refresh token rotation, detection of reuse, and forgiveness of lost responses (docs/refresh-tokens.md; RFC 9700 §4.14.2).
 */

/** What the rule needs to know about a family. */
export interface FamilyState {
  /** The newest generation: issued, never spent. */
  readonly generation: number
  /** When the last generations were first spent, the newest last; milliseconds since 1970. */
  readonly spends: readonly number[]
  /** The lost response that was last forgiven; undefined if none ever was. */
  readonly forgiveness: Forgiveness | undefined
}

/** How a lost response was forgiven, and the run of generations in which that happened. */
export interface Forgiveness {
  /** The spent generation whose successor was issued again. */
  readonly generation: number
  /** How many generations of the run were forgiven, this one included. */
  readonly run: number
  /** The last generation of the run: this one, or a later one that was served again within the grace. */
  readonly through: number
  /** When it was last forgiven, in milliseconds since 1970; undefined if that is not known. */
  readonly at: number | undefined
  /** For how long it has been forgiven, in seconds: the pauses between its presentations, each of them bounded. */
  readonly seconds: number
}

export type RefreshVerdict =
  /** Never spent: spend it and issue its successor. */
  | { readonly verdict: 'spend' }
  /** Several tabs, or a proxy's retry: issue the newest again. `forgiveness` is set if the run now includes this generation. */
  | { readonly verdict: 'again'; readonly forgiveness: Forgiveness | undefined }
  /** The response was lost: issue the same successor again and remember that. `first` is true once per generation. */
  | { readonly verdict: 'forgive'; readonly forgiveness: Forgiveness; readonly first: boolean }
  /** Forgiven for too long: end the grant. */
  | { readonly verdict: 'exhausted' }
  /** Newer than the row knows: the database was restored from a backup. */
  | { readonly verdict: 'advance' }
  /** Two parties hold the family: end the grant. */
  | { readonly verdict: 'reused' }

/**
 * Seconds for which one generation is forgiven. Long enough for a device that wakes up and fails all night; no longer, because somebody
 * who holds a spent token gets access for as long, unnoticed, while the owner's application does nothing.
 */
export const forgivenFor = 12 * 3600

/**
 * Seconds that a pause between two presentations counts at most. Otherwise everybody whose response is lost on a Friday evening would
 * be signed out on Monday. What has to be bounded is how often a spent token gives access, not how long its owner is away.
 */
export const longestPause = 4 * 3600

/** Generations that are forgiven in a row. Two outages can follow each other; somebody one step behind needs every generation. */
const mostInARow = 2

/**
 * Generations that a run can go on after its last forgiveness because they were served again within the grace. A shadow that is mostly
 * within the grace is found by the few times that it is late; a client whose tabs always refresh together must be able to leave the
 * outages of last month behind.
 */
export const longestGap = 16

/** The number of spends that are kept. A generation that was pushed out within the grace counts as spent before it. */
export const keptSpends = 32

/**
 * The rule for a presented generation. An honest client that lost a response or asked twice continues; two parties that use one token
 * do not. Every refusal ends the grant, so a thief cannot get the owner refused and keep the family.
 *
 * @param presented the token's generation
 * @param now milliseconds since 1970
 * @param grace seconds
 */
export function judgeRefresh(family: FamilyState, presented: number, now: number, grace: number): RefreshVerdict {
  const { generation: newest, forgiveness: last } = family
  if (presented === newest) return { verdict: 'spend' }
  if (presented > newest) return { verdict: 'advance' }
  const spentAt = family.spends.at(presented - newest)
  // Later generations were first spent later, so if this one is within the grace they all are.
  if (spentAt !== undefined && now - spentAt <= grace * 1000)
    return { verdict: 'again', forgiveness: last && prolonged(last, presented, newest - 1) }
  // Its successor was spent, so somebody received it, and this is somebody else or an old copy.
  if (presented !== newest - 1) return { verdict: 'reused' }
  if (last?.generation === presented) {
    const pause = last.at === undefined ? 0 : (now - last.at) / 1000
    const seconds = last.seconds + Math.min(Math.max(pause, 0), longestPause)
    if (seconds > forgivenFor) return { verdict: 'exhausted' }
    return { verdict: 'forgive', forgiveness: { ...last, at: now, seconds }, first: false }
  }
  const run = last && presented <= last.through + 1 ? last.run + 1 : 1
  if (run > mostInARow) return { verdict: 'reused' }
  const forgiveness = { generation: presented, run, through: presented, at: now, seconds: 0 }
  return { verdict: 'forgive', forgiveness, first: true }
}

/** The run with all generations up to `through`, if `presented` continues it; undefined if it does not change. */
function prolonged(last: Forgiveness, presented: number, through: number): Forgiveness | undefined {
  const continues = presented <= last.through + 1 && through <= last.generation + longestGap
  return continues && through > last.through ? { ...last, through } : undefined
}
