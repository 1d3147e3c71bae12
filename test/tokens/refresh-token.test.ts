import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { PurposeSecret } from '../../src/platform/secrets/purposes.ts'
import {
  decodeRefreshToken,
  encodeRefreshToken,
  type FamilyState,
  judgeRefresh,
} from '../../src/tokens/refresh-token.ts'

const secret: PurposeSecret = {
  newest: 2,
  versions: new Map([
    [1, randomBytes(32)],
    [2, randomBytes(32)],
  ]),
}
const family = randomBytes(32)
const grace = 10

/** Generation 3 is the newest; 0, 1 and 2 were spent 300, 200 and 100 seconds ago. */
const now = 1_000_000
const state: FamilyState = {
  generation: 3,
  spends: [now - 300_000, now - 200_000, now - 100_000],
  forgivenGeneration: undefined,
  forgivenTimes: 0,
}

t.test('a changed, cut, lengthened or respelt refresh token is no token', async (t) => {
  const token = encodeRefreshToken(secret, 2, { family, generation: 7 })
  t.match(decodeRefreshToken(secret, token), { family, generation: 7, version: 2 })
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    t.equal(decodeRefreshToken(secret, changed), undefined, `character ${at} changed`)
  }
  for (const other of [
    '',
    token.slice(1),
    token.slice(0, -1),
    `${token}A`,
    `${token}=`,
    ` ${token}`,
    token.toUpperCase(),
  ])
    t.equal(decodeRefreshToken(secret, other), undefined, other.slice(0, 20))
})

t.test('a token under an older version of the secret is still one, under an unknown version is none', async (t) => {
  t.match(decodeRefreshToken(secret, encodeRefreshToken(secret, 1, { family, generation: 0 })), { version: 1 })
  const other = { newest: 1, versions: new Map([[1, randomBytes(32)]]) }
  t.equal(decodeRefreshToken(other, encodeRefreshToken(secret, 1, { family, generation: 0 })), undefined)
})

t.test('a generation spent long ago, whose successor was spent too, tells of two parties', async (t) => {
  t.same(judgeRefresh(state, 1, now, grace), { verdict: 'reused' })
  t.same(judgeRefresh(state, 0, now, grace), { verdict: 'reused' })
})

t.test('a lost reply is forgiven, ten times and no more, and not in the generation after one that was', async (t) => {
  t.same(judgeRefresh(state, 2, now, grace), { verdict: 'forgive' })
  t.same(judgeRefresh({ ...state, forgivenGeneration: 2, forgivenTimes: 9 }, 2, now, grace), { verdict: 'forgive' })
  t.same(judgeRefresh({ ...state, forgivenGeneration: 2, forgivenTimes: 10 }, 2, now, grace), {
    verdict: 'exhausted',
    first: true,
  })
  t.same(
    judgeRefresh({ ...state, forgivenGeneration: 2, forgivenTimes: 11 }, 2, now, grace),
    { verdict: 'exhausted', first: false },
    'an event is left once',
  )
  t.same(judgeRefresh({ ...state, forgivenGeneration: 1, forgivenTimes: 1 }, 2, now, grace), { verdict: 'reused' })
  t.same(judgeRefresh({ ...state, forgivenGeneration: 0, forgivenTimes: 1 }, 2, now, grace), { verdict: 'forgive' })
})

t.test('within the grace every spent generation gives the newest', async (t) => {
  const hurried = { ...state, spends: [now - 9_000, now - 5_000, now - 1_000] }
  for (const generation of [0, 1, 2]) t.same(judgeRefresh(hurried, generation, now, grace), { verdict: 'again' })
  t.same(judgeRefresh({ ...state, spends: [now - 11_000, now - 5_000, now - 1_000] }, 0, now, grace), {
    verdict: 'reused',
  })
})

t.test('a grace of no length still forgives the lost reply', async (t) => {
  t.same(judgeRefresh(state, 2, now, 0), { verdict: 'forgive' })
})

t.test('the newest generation is spent, and one that the database has forgotten is taken', async (t) => {
  t.same(judgeRefresh(state, 3, now, grace), { verdict: 'spend' })
  t.same(judgeRefresh(state, 9, now, grace), { verdict: 'advance' })
})
