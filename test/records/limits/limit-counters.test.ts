import t from 'tap'
import { rangesOf } from '../../../src/records/limits/limit-counters.ts'

t.test('an address counts for itself and for the ranges around it', async (t) => {
  const expected: Record<string, readonly string[]> = {
    '203.0.113.9': ['203.0.113.9'],
    '2001:db8:1:2ff:4:5:6:7': ['2001:db8:1:2ff::/64', '2001:db8:1:200::/56', '2001:db8:1::/48'],
    '::1': ['::/64', '::/56', '::/48'],
    unknown: ['unknown'],
  }
  for (const [network, ranges] of Object.entries(expected)) t.same(rangesOf(network), ranges, network)
})
