import t from 'tap'
import {
  type FamilyState,
  type Forgiveness,
  forgivenFor,
  judgeRefresh,
  maxGap,
  maxPause,
  minPause,
} from '../../src/tokens/refresh-rotation.ts'

const grace = 10

/** Generation 3 is the newest; 0, 1 and 2 were spent 300, 200 and 100 seconds ago. */
const now = 1_000_000
const state: FamilyState = {
  generation: 3,
  spends: [now - 300_000, now - 200_000, now - 100_000],
  forgiveness: undefined,
}

t.test('a generation spent long ago, whose successor was spent too, means that two parties use it', async (t) => {
  t.same(judgeRefresh(state, 1, now, grace), { verdict: 'reused' })
  t.same(judgeRefresh(state, 0, now, grace), { verdict: 'reused' })
})

/** Generation 2 was first forgiven just now. */
const forgiven: Forgiveness = { generation: 2, run: 1, through: 2, at: now, seconds: 0 }

t.test(
  'forgiveness of one generation is limited by time, not by number, and a long pause counts as a short one',
  async (t) => {
    t.same(judgeRefresh(state, 2, now, grace), { verdict: 'forgive', first: true, forgiveness: forgiven })
    const later = (seconds: number, last: Forgiveness) =>
      judgeRefresh({ ...state, forgiveness: last }, 2, now + seconds * 1000, grace)
    t.match(later(minPause, forgiven), { verdict: 'forgive', first: false, forgiveness: { seconds: minPause } })
    const soon = later(minPause - 0.25, forgiven)
    t.same(soon, { verdict: 'forgive', first: false, forgiveness: forgiven }, 'a short pause counts with the next one')
    t.match(later(3_600, forgiven), { forgiveness: { seconds: 3_600, at: now + 3_600_000 } })
    t.match(later(60 * 86_400, forgiven), { verdict: 'forgive', forgiveness: { seconds: maxPause } })
    t.match(later(1, { ...forgiven, seconds: forgivenFor - 1 }), { verdict: 'forgive' })
    t.same(later(1, { ...forgiven, seconds: forgivenFor - 0.5 }), { verdict: 'exhausted' })
    t.match(later(-60, { ...forgiven, seconds: 5 }), { forgiveness: { seconds: 5 } }, 'a clock that was set back')
    t.match(later(100, { ...forgiven, at: undefined }), { forgiveness: { seconds: 0 } }, 'from before times were kept')
  },
)

t.test('two consecutive generations are forgiven; a third one means that a second party follows', async (t) => {
  const after = (last: Partial<Forgiveness>) =>
    judgeRefresh({ ...state, forgiveness: { ...forgiven, ...last } }, 2, now, grace)
  t.match(after({ generation: 1, through: 1, run: 1 }), { verdict: 'forgive', forgiveness: { generation: 2, run: 2 } })
  t.same(after({ generation: 1, through: 1, run: 2 }), { verdict: 'reused' })
  t.match(after({ generation: 0, through: 0, run: 2 }), { verdict: 'forgive', forgiveness: { run: 1 } })
  t.match(after({ generation: 2, through: 2, run: 2 }), { verdict: 'forgive', first: false }, 'the second one, again')
})

t.test('a generation that was served again within the grace neither counts nor breaks the run', async (t) => {
  const last: Forgiveness = { generation: 1, run: 2, through: 1, at: now - 50_000, seconds: 0 }
  const hurried = { ...state, spends: [now - 300_000, now - 60_000, now - 1_000], forgiveness: last }
  const again = judgeRefresh(hurried, 2, now, grace)
  t.same(again, { verdict: 'again', forgiveness: { ...last, through: 2 } })
  const next = { generation: 4, spends: [...hurried.spends, now + 900_000], forgiveness: { ...last, through: 2 } }
  t.same(judgeRefresh(next, 3, now + 1_000_000, grace), { verdict: 'reused' }, 'the third one, although late')
  t.same(judgeRefresh({ ...hurried, forgiveness: { ...last, through: 2 } }, 2, now, grace), {
    verdict: 'again',
    forgiveness: undefined,
  })
  const apart = { ...hurried, forgiveness: { ...last, generation: 1 - maxGap } }
  t.same(judgeRefresh(apart, 2, now, grace), { verdict: 'again', forgiveness: undefined }, 'too many end the run')
  const broken = { ...hurried, forgiveness: { ...last, generation: 0, through: 0 } }
  t.same(judgeRefresh(broken, 2, now, grace), { verdict: 'again', forgiveness: undefined }, 'generation 1 broke it')
})

t.test('within the grace every spent generation returns the newest', async (t) => {
  const hurried = { ...state, spends: [now - 9_000, now - 5_000, now - 1_000] }
  for (const generation of [0, 1, 2]) t.match(judgeRefresh(hurried, generation, now, grace), { verdict: 'again' })
  t.same(judgeRefresh({ ...state, spends: [now - 11_000, now - 5_000, now - 1_000] }, 0, now, grace), {
    verdict: 'reused',
  })
})

t.test('with a grace of zero the lost response is still forgiven', async (t) => {
  t.match(judgeRefresh(state, 2, now, 0), { verdict: 'forgive' })
})

t.test('the newest generation is spent, and one that the database has lost is accepted', async (t) => {
  t.same(judgeRefresh(state, 3, now, grace), { verdict: 'spend' })
  t.same(judgeRefresh(state, 9, now, grace), { verdict: 'advance' })
})
