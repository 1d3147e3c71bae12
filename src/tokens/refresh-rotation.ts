/*
 * Refresh token rotation, reuse detection, and forgiveness of lost responses (docs/refresh-tokens.md; RFC 9700 §4.14.2).
 */

/** The state of a family that the rule needs. */
export interface FamilyState {
  /** The newest generation, which was issued and never spent. */
  readonly generation: number
  /** When the last generations were first spent, in milliseconds since 1970; the newest is last. */
  readonly spends: readonly number[]
  /** The last lost response that was forgiven; undefined if none ever was. */
  readonly forgiveness: Forgiveness | undefined
}

/** A lost response that was forgiven, and the run of forgiven generations that it belongs to. */
export interface Forgiveness {
  /** The spent generation whose successor was issued again. */
  readonly generation: number
  /** How many generations of the run were forgiven, including this one. */
  readonly run: number
  /** The last generation of the run: this one, or a later one that was presented again within the grace. */
  readonly through: number
  /** When it was last forgiven, in milliseconds since 1970; undefined if unknown. */
  readonly at: number | undefined
  /** How long it has been forgiven, in seconds: the sum of the pauses between its presentations, each of them capped. */
  readonly seconds: number
}

export type RefreshVerdict =
  /** Never spent: spend it and issue its successor. */
  | { readonly verdict: 'spend' }
  /** Several tabs, or a retry by a proxy: issue the newest again. `forgiveness` is set if the run now includes this generation. */
  | { readonly verdict: 'again'; readonly forgiveness: Forgiveness | undefined }
  /**
   * The response was lost: issue the same successor again, and store `forgiveness`, unless it is that of the family. `first` is true once per
   * generation.
   */
  | { readonly verdict: 'forgive'; readonly forgiveness: Forgiveness; readonly first: boolean }
  /** Forgiven for too long: end the grant. */
  | { readonly verdict: 'exhausted' }
  /** Newer than the generation in the row: the database was restored from a backup. */
  | { readonly verdict: 'advance' }
  /** Two parties use the family: end the grant. */
  | { readonly verdict: 'reused' }

/**
 * How long one generation is forgiven, in seconds. Long enough for a device that wakes up and fails all night. No longer, because somebody with
 * a spent token has unnoticed access for this long while the owner's application does nothing.
 */
export const forgivenFor = 12 * 3600

/**
 * The maximum that a pause between two presentations counts, in seconds. Otherwise everybody whose response is lost on a Friday evening would be
 * signed out on Monday. The limit is on how often a spent token gives access, not on how long its owner is away.
 */
export const maxPause = 4 * 3600

/**
 * The shortest pause that is stored, in seconds. A shorter one counts as part of the next one. So any number of tabs that retry at the same moment
 * change the family once.
 */
export const minPause = 10

/** The maximum number of consecutive forgiven generations. Two outages in a row are plausible; an attacker one step behind needs every generation. */
const maxForgivenInARow = 2

/**
 * The maximum number of generations by which repeated requests within the grace extend a run after its last forgiveness. An attacker who copies
 * every refresh, mostly within the grace, is detected by the few times that they are late. But a client whose tabs always refresh together must
 * not be held accountable for last month's outages.
 */
export const maxGap = 16

/** The number of spending times that are kept. If more generations are spent within the grace, the oldest count as spent before it. */
export const keptSpends = 32

/**
 * The rule for a presented generation. An honest client that lost a response or sent a request twice can continue; two parties that share a
 * token cannot. Every refusal ends the grant, so a thief cannot keep the family after the owner was refused.
 *
 * @param presented the generation of the presented token
 * @param now milliseconds since 1970
 * @param grace seconds
 */
export function judgeRefresh(family: FamilyState, presented: number, now: number, grace: number): RefreshVerdict {
  const { generation: newest, forgiveness: last } = family
  if (presented === newest) return { verdict: 'spend' }
  if (presented > newest) return { verdict: 'advance' }
  const spentAt = family.spends.at(presented - newest)
  // Later generations were spent later, so if this one is within the grace, they all are.
  if (spentAt !== undefined && now - spentAt <= grace * 1000)
    return { verdict: 'again', forgiveness: last && extendRun(last, presented, newest - 1) }
  // The successor was spent, so somebody received it. This request is from somebody else, or uses an old copy.
  if (presented !== newest - 1) return { verdict: 'reused' }
  if (last?.generation === presented) {
    const pause = last.at === undefined ? 0 : (now - last.at) / 1000
    const seconds = last.seconds + Math.min(Math.max(pause, 0), maxPause)
    if (seconds > forgivenFor) return { verdict: 'exhausted' }
    if (pause > 0 && pause < minPause) return { verdict: 'forgive', forgiveness: last, first: false }
    return { verdict: 'forgive', forgiveness: { ...last, at: now, seconds }, first: false }
  }
  const run = last && presented <= last.through + 1 ? last.run + 1 : 1
  if (run > maxForgivenInARow) return { verdict: 'reused' }
  const forgiveness = { generation: presented, run, through: presented, at: now, seconds: 0 }
  return { verdict: 'forgive', forgiveness, first: true }
}

/** The run extended to `through`, if `presented` continues it; undefined if the run does not change. */
function extendRun(last: Forgiveness, presented: number, through: number): Forgiveness | undefined {
  const continues = presented <= last.through + 1 && through <= last.generation + maxGap
  return continues && through > last.through ? { ...last, through } : undefined
}
