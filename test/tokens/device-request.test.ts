import t from 'tap'
import type { GrantId } from '../../src/records/ids.ts'
import {
  judgePoll,
  newUserCode,
  type PolledRequest,
  readUserCode,
  shownUserCode,
} from '../../src/tokens/device-request.ts'

const pending: PolledRequest = {
  isTooSoon: false,
  interval: 5,
  expired: false,
  denied: false,
  grantId: undefined,
  grantEnded: false,
  spentAgo: undefined,
}
const grantId = 'grant' as GrantId

t.test('a device is told what RFC 8628 §3.5 says, and an earlier reason counts before a later one', async (t) => {
  const cases: [what: string, request: PolledRequest | undefined, answer: string][] = [
    ['an unknown code, or the code of another client', undefined, 'device_code_unknown'],
    ['nobody has decided', pending, 'device_pending'],
    ['nobody has decided, and the device asks too soon', { ...pending, isTooSoon: true }, 'device_too_fast'],
    ['nobody decided in time', { ...pending, expired: true, isTooSoon: true }, 'device_code_expired'],
    ['the person denied', { ...pending, denied: true }, 'device_denied'],
    ['the person denied, long ago', { ...pending, denied: true, expired: true }, 'device_denied'],
    ['the person allowed', { ...pending, grantId }, 'allowed'],
    ['the person allowed, and the device asks too soon', { ...pending, grantId, isTooSoon: true }, 'allowed'],
    ['the person allowed, but the device asks too late', { ...pending, grantId, expired: true }, 'device_code_expired'],
    ['the person allowed and withdrew', { ...pending, grantId, grantEnded: true }, 'device_code_unknown'],
    ['the tokens were given', { ...pending, grantId, spentAgo: 3 }, 'replayed'],
    ['the tokens were given long ago', { ...pending, grantId, expired: true, spentAgo: 3600 }, 'replayed'],
    ['the tokens were given and withdrawn', { ...pending, grantId, grantEnded: true, spentAgo: 3 }, 'replayed'],
  ]
  for (const [what, request, answer] of cases) {
    const verdict = judgePoll(request)
    t.equal(verdict.verdict === 'refused' ? verdict.error : verdict.verdict, answer, what)
  }
})

t.test('the usual answers to a device that keeps asking leave no rows among the refusals', async (t) => {
  const isRecorded = (request: PolledRequest) => {
    const verdict = judgePoll(request)
    return verdict.verdict === 'refused' && verdict.isRecorded
  }
  t.notOk(isRecorded(pending))
  t.ok(isRecorded({ ...pending, isTooSoon: true, interval: 10 }), 'the first time that it is too fast')
  t.notOk(isRecorded({ ...pending, isTooSoon: true, interval: 15 }))
  t.ok(isRecorded({ ...pending, expired: true }))
})

t.test('what people type is compared without case, hyphens and spaces, and nothing else is a code', async (t) => {
  for (const typed of ['WDJB-MJHT', 'wdjbmjht', ' WDJB MJHT ', 'w-d-j-b-m-j-h-t', 'WDJB\u2011MJHT', 'WDJB–MJHT\t'])
    t.equal(readUserCode(typed), 'WDJBMJHT', typed)
  const others = [
    '',
    'WDJBMJH',
    'WDJBMJHTB',
    'WDJBMJHA',
    'WDJBMJHY',
    '12345678',
    'ＷＤＪＢＭＪＨＴ',
    'ſſſſſſſſ',
    'WDJBMJHT'.padEnd(65),
  ]
  for (const typed of [undefined, ...others]) t.equal(readUserCode(typed), undefined, String(typed))
})

t.test('a new code is shown in two groups and can be typed as it is shown', async (t) => {
  const codes = Array.from({ length: 200 }, newUserCode)
  for (const code of codes) {
    t.match(shownUserCode(code), /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    t.equal(readUserCode(shownUserCode(code)), code)
  }
  t.equal(new Set(codes).size, codes.length)
  t.equal(new Set(codes.join('')).size, 20, 'every letter occurs')
})
