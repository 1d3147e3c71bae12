import { judgeRefresh } from '../../../src/tokens/refresh-rotation.ts'
import type { Rule } from './world.ts'

/* The rule with one fault each, to show that the model finds it. The rule that it replaced is among them. */

/** The previous rule: ten times for each generation, then refused while the family lives; never two generations in a row. */
const tenTimes: Rule = (family, presented, now, grace) => {
  const { generation: newest, forgiveness: last } = family
  const verdict = judgeRefresh({ ...family, forgiveness: undefined }, presented, now, grace)
  if (verdict.verdict !== 'forgive') return verdict
  if (last?.generation !== presented)
    return last?.generation === newest - 2
      ? { verdict: 'reused' }
      : { ...verdict, forgiveness: { ...verdict.forgiveness, seconds: 1 } }
  if (last.seconds >= 10) return { verdict: 'refused' }
  return { ...verdict, forgiveness: { ...last, seconds: last.seconds + 1 } }
}

/** Forgiven until a number of seconds after the first time, with every pause counted in full. */
const untilAfterTheFirst =
  (limit: number): Rule =>
  (family, presented, now, grace) => {
    const { forgiveness: last } = family
    const verdict = judgeRefresh({ ...family, forgiveness: last && { ...last, seconds: 0 } }, presented, now, grace)
    if (verdict.verdict !== 'forgive' || verdict.first) return verdict
    const seconds = (last?.seconds ?? 0) + (now - (last?.at ?? now)) / 1000
    return seconds > limit ? { verdict: 'exhausted' } : { ...verdict, forgiveness: { ...verdict.forgiveness, seconds } }
  }

const withoutEnd: Rule = (family, presented, now, grace) =>
  judgeRefresh(
    { ...family, forgiveness: family.forgiveness && { ...family.forgiveness, seconds: 0 } },
    presented,
    now,
    grace,
  )

const inAnyNumberOfGenerations: Rule = (family, presented, now, grace) =>
  judgeRefresh(
    { ...family, forgiveness: family.forgiveness && { ...family.forgiveness, run: 1 } },
    presented,
    now,
    grace,
  )

const inOneGeneration: Rule = (family, presented, now, grace) =>
  judgeRefresh(
    { ...family, forgiveness: family.forgiveness && { ...family.forgiveness, run: 2 } },
    presented,
    now,
    grace,
  )

/** A run ends at a generation that was served again within the grace. */
const brokenByTheGrace: Rule = (family, presented, now, grace) => {
  const verdict = judgeRefresh(family, presented, now, grace)
  return verdict.verdict === 'again' ? { ...verdict, forgiveness: undefined } : verdict
}

/** Generations that were served again within the grace keep a run going forever. */
const neverForgotten: Rule = (family, presented, now, grace) => {
  const verdict = judgeRefresh(family, presented, now, grace)
  const { forgiveness: last, generation: newest } = family
  return verdict.verdict === 'again' && last && presented <= last.through + 1
    ? { ...verdict, forgiveness: { ...last, through: newest - 1 } }
    : verdict
}

const exhaustedButAlive: Rule = (family, presented, now, grace) => {
  const verdict = judgeRefresh(family, presented, now, grace)
  return verdict.verdict === 'exhausted' ? { verdict: 'refused' } : verdict
}

export const faultyRules = {
  tenTimes,
  aDayAfterTheFirst: untilAfterTheFirst(24 * 3600),
  withoutEnd,
  inAnyNumberOfGenerations,
  inOneGeneration,
  brokenByTheGrace,
  neverForgotten,
  exhaustedButAlive,
}
