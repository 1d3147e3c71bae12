import fc from 'fast-check'
import { forgivenFor, maxGap } from '../../../src/tokens/refresh-rotation.ts'
import { newWorld, present, type Rule, type World } from './world.ts'

/*
 * An owner and a thief. The thief steals copies of current or spent tokens, and then uses all of its tokens in any way. The owner refreshes
 * like an honest client.
 */

const hour = 3600

const moves = fc.record({
  /** `lost` is a refresh by the owner whose response is lost. */
  who: fc.constantFrom('owner', 'lost', 'thief', 'theft', 'restore'),
  /** Seconds since the previous move. */
  pause: fc.oneof(fc.nat(30), fc.nat(hour), fc.nat(72 * hour)),
  /**
   * Which token is stolen or presented: 0 is the newest one that the owner or the thief has, 1 the one before it, and so on. Or which
   * backup.
   */
  back: fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, { arbitrary: fc.nat(3), weight: 1 }),
  /** How often it is presented. */
  times: fc.oneof({ arbitrary: fc.constant(1), weight: 3 }, { arbitrary: fc.integer({ min: 2, max: 200 }), weight: 1 }),
})

export const theftHistory = fc.array(moves, { minLength: 4, maxLength: 40, size: 'max' })
export type TheftHistory = typeof theftHistory extends fc.Arbitrary<infer History> ? History : never

/**
 * A thief who gets the owner signed out loses access too: once the owner is refused, no token of the thief works. Restoring a backup after
 * that is a separate case: whatever has ended since the backup is active again, whoever holds the tokens.
 */
export function liveWithThief(history: TheftHistory, rule?: Rule): string | undefined {
  const world = newWorld(rule)
  const stolen = new Set<number>()
  const backups: World['family'][] = []
  let held = 0
  for (const { who, pause, back, times } of history) {
    world.now += pause
    backups.push(world.family)
    if (who === 'restore') world.family = backups.at(-1 - back) ?? world.family
    if (who === 'theft') stolen.add(Math.max(held - back, 0))
    if (who === 'thief' && stolen.size > 0)
      for (let time = 0; time < times; time++) {
        world.now += pause / times
        const { token } = present(world, newest(stolen, back))
        if (token !== undefined) stolen.add(token)
      }
    if (who === 'owner' || who === 'lost') {
      const { token } = present(world, held)
      if (token === undefined) return outlived(world, stolen)
      if (who === 'owner') held = token
    }
  }
  return undefined
}

function outlived(world: World, stolen: ReadonlySet<number>): string | undefined {
  for (const wait of [1, hour, 24 * hour])
    for (const token of stolen) {
      world.now += wait
      if (present(world, token).token !== undefined) return 'the owner was signed out, and the thief still has access'
    }
  return undefined
}

function newest(stolen: ReadonlySet<number>, back: number): number {
  const sorted = [...stolen].sort((one, other) => other - one)
  return sorted[Math.min(back, sorted.length - 1)] as number
}

/** Lifetime of an access token, in seconds. */
const accessTokenTtl = 900

/**
 * The access that a thief can have unnoticed: nobody presents a token within the grace, the owner loses no response, and the family is
 * still active after the thief has stopped.
 */
export function liveUnnoticed(history: TheftHistory, rule?: Rule): string | undefined {
  const world = newWorld(rule)
  const stolen = new Set<number>()
  const accesses: number[] = []
  let held = 0
  for (const { who, pause, back, times } of history) {
    const wait = () => {
      world.now += world.grace + 1 + pause
    }
    if (who === 'theft' && stolen.size === 0) stolen.add(Math.max(held - back, 0))
    if (who === 'thief' && stolen.size > 0)
      for (let time = 0; time < times; time++) {
        wait()
        const { token } = present(world, newest(stolen, back))
        if (token === undefined) return undefined
        accesses.push(world.now)
        stolen.add(token)
      }
    if (who === 'owner' || who === 'lost') {
      wait()
      held = present(world, held).token ?? held
    }
  }
  world.now += accessTokenTtl
  for (let refresh = 0; refresh < 4; refresh++) {
    world.now += hour
    held = present(world, held).token ?? held
  }
  if (world.ended) return undefined
  const gaps = accesses.map((at, index) =>
    Math.min((accesses[index + 1] ?? Number.POSITIVE_INFINITY) - at, accessTokenTtl),
  )
  const access = gaps.reduce((sum, gap) => sum + gap, 0)
  if (access > 2 * (forgivenFor + accessTokenTtl) + 2 * accessTokenTtl) return `${access} seconds of access, unnoticed`
  for (const token of stolen)
    if (present(world, token).token !== undefined) return 'a token that was stolen long ago still works'
  return undefined
}

/** The generations in which a thief who takes every successor presents the token after the grace; at most the longest gap apart. */
export const shadowHistory = fc.record({
  late: fc.array(fc.nat(maxGap), { minLength: 3, maxLength: 3 }),
  pause: fc.integer({ min: 30, max: 72 * hour }),
})
export type ShadowHistory = typeof shadowHistory extends fc.Arbitrary<infer History> ? History : never

/** A thief who shadows every generation is detected the third time that the owner or the thief presents a token after the grace. */
export function liveInShadow({ late, pause }: ShadowHistory, rule?: Rule): string | undefined {
  const world = newWorld(rule)
  const generations = late.flatMap((within) => [...Array.from({ length: within }, () => false), true])
  let token = 0
  for (const isLate of generations) {
    world.now += pause
    const first = present(world, token).token
    world.now += isLate ? world.grace + 1 : 1
    const second = present(world, token).token
    if (!world.ended && first !== second) return 'the owner and the thief were given different tokens'
    token = first ?? token
  }
  return world.ended ? undefined : 'the thief was not detected'
}
