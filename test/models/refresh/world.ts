import {
  type FamilyState,
  judgeRefresh,
  keptSpends,
  type RefreshVerdict,
} from '../../../src/tokens/refresh-rotation.ts'

/*
 * One family of refresh tokens on the server, and the holders of its tokens. The rule is the real one, or one with a planted fault; each
 * verdict has the same effect as in the store. Times are in seconds. A token is represented by its generation: the rest of it never
 * changes.
 */
export type Rule = (
  ...family: Parameters<typeof judgeRefresh>
) =>
  | RefreshVerdict
  | { /** Refused, but the family lives: the real rule never returns this verdict. */ readonly verdict: 'refused' }

export interface World {
  readonly rule: Rule
  readonly grace: number
  now: number
  family: FamilyState
  ended: boolean
}

export function newWorld(rule: Rule = judgeRefresh, grace = 10): World {
  return { rule, grace, now: 0, family: { generation: 0, spends: [], forgiveness: undefined }, ended: false }
}

export interface Answer {
  /** The token that is issued; undefined if the request is refused. */
  readonly token: number | undefined
  readonly verdict: ReturnType<Rule>['verdict'] | 'ended'
}

/** Presents a token, at the world's time. */
export function present(world: World, presented: number): Answer {
  if (world.ended) return { token: undefined, verdict: 'ended' }
  const { family } = world
  const now = world.now * 1000
  const verdict = world.rule(family, presented, now, world.grace)
  const answer = (token: number | undefined): Answer => ({ token, verdict: verdict.verdict })
  switch (verdict.verdict) {
    case 'spend':
      world.family = { ...family, generation: presented + 1, spends: [...family.spends, now].slice(-keptSpends) }
      return answer(presented + 1)
    case 'advance':
      world.family = { ...family, generation: presented + 1, spends: [now] }
      return answer(presented + 1)
    case 'again':
      if (verdict.forgiveness) world.family = { ...family, forgiveness: verdict.forgiveness }
      return answer(family.generation)
    case 'forgive':
      world.family = { ...family, forgiveness: verdict.forgiveness }
      return answer(presented + 1)
    case 'refused':
      return answer(undefined)
    default:
      world.ended = true
      return answer(undefined)
  }
}
