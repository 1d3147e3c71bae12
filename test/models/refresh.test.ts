import fc from 'fast-check'
import t from 'tap'
import { type FamilyState, judgeRefresh, keptSpends } from '../../src/tokens/refresh-token.ts'

/*
 * A model of one family of refresh tokens and of those who hold it. The server's half is the real rule, with what the store does
 * for each verdict. Times are in seconds.
 */
const grace = 10

interface Server {
  family: FamilyState
  ended: boolean
}

const newServer = (): Server => ({
  family: { generation: 0, spends: [], forgivenGeneration: undefined, forgivenTimes: 0 },
  ended: false,
})

/** Refreshes with a generation. Returns the one that is given, or undefined for a refusal. */
function refresh(
  server: Server,
  presented: number,
  now: number,
  judge: typeof judgeRefresh = judgeRefresh,
): number | undefined {
  if (server.ended) return undefined
  const { family } = server
  switch (judge(family, presented, now * 1000, grace).verdict) {
    case 'spend':
      server.family = {
        ...family,
        generation: presented + 1,
        spends: [...family.spends, now * 1000].slice(-keptSpends),
      }
      return presented + 1
    case 'advance':
      server.family = { ...family, generation: presented + 1, spends: [now * 1000] }
      return presented + 1
    case 'again':
      return family.generation
    case 'forgive': {
      const forgivenTimes = family.forgivenGeneration === presented ? family.forgivenTimes + 1 : 1
      server.family = { ...family, forgivenGeneration: presented, forgivenTimes }
      return presented + 1
    }
    case 'exhausted':
      return undefined
    case 'reused':
      server.ended = true
      return undefined
  }
}

/** An honest client's refresh: some replies are lost before the tabs get theirs. All together stay within the ten that are given. */
const honestRefresh = fc.record({
  pause: fc.integer({ min: 0, max: 100_000 }),
  lost: fc.integer({ min: 0, max: 5 }),
  tabs: fc.integer({ min: 1, max: 5 }),
})
const honestHistory = fc.array(honestRefresh, { minLength: 1, maxLength: 40 })

t.test('an honest client is never signed out: tabs, retries, lost replies, long sleeps', async (t) => {
  fc.assert(
    fc.property(honestHistory, (steps) => {
      const server = newServer()
      let held = 0
      let now = 0
      let before = false
      for (const { pause, lost, tabs } of steps) {
        now += pause
        // A reply that was lost in the last step and in this one would be two generations running.
        const losses: number = before ? 0 : lost
        for (let attempt = 0; attempt < losses; attempt++) {
          refresh(server, held, now)
          now += pause
        }
        before = losses > 0
        const given = Array.from({ length: tabs }, (_, tab) => refresh(server, held, now + tab))
        if (given.includes(undefined)) return false
        held = Math.max(...(given as number[]))
      }
      return !server.ended
    }),
    { numRuns: 5_000 },
  )
  t.pass('no honest history ended the grant')
})

t.test('a thief and the owner cannot both live off one family, outside the grace', async (t) => {
  const turns = fc.array(fc.record({ thief: fc.boolean(), pause: fc.integer({ min: grace + 1, max: 1_000 }) }), {
    minLength: 8,
    maxLength: 40,
  })
  fc.assert(
    fc.property(turns, fc.integer({ min: 0, max: 5 }), (steps, stolenAt) => {
      const server = newServer()
      let now = 0
      let owner = 0
      for (; owner < stolenAt; now += 100) owner = refresh(server, owner, now) ?? owner
      let thief = owner
      const fresh = { owner: 0, thief: 0 }
      for (const step of steps) {
        now += step.pause
        const given = refresh(server, step.thief ? thief : owner, now)
        if (given === undefined) continue
        if (step.thief) {
          if (given > thief) fresh.thief++
          thief = given
        } else {
          if (given > owner) fresh.owner++
          owner = given
        }
      }
      // Both went on to two generations that the other had not given them: that must have ended the grant.
      return server.ended || fresh.thief < 3 || fresh.owner < 3
    }),
    { numRuns: 5_000 },
  )
  t.pass('no history let both go on')
})

t.test('a thief who shadows the owner one step behind is found at the second generation', async (t) => {
  const server = newServer()
  let now = 0
  let refreshes = 0
  for (let generation = 0; !server.ended && generation < 20; generation++) {
    now += 1_000
    refresh(server, generation, now)
    now += 100
    refresh(server, generation, now)
    refreshes++
  }
  t.ok(server.ended)
  t.equal(refreshes, 2)
})

t.test('the model can fail: without a bound on forgiveness the shadow is never found', async (t) => {
  const unbounded: typeof judgeRefresh = (family, presented, now, graceSeconds) =>
    judgeRefresh({ ...family, forgivenGeneration: undefined }, presented, now, graceSeconds)
  const server = newServer()
  for (let generation = 0; generation < 20; generation++) {
    refresh(server, generation, generation * 2_000, unbounded)
    refresh(server, generation, generation * 2_000 + 100, unbounded)
  }
  t.notOk(server.ended)
})
