import t from 'tap'
import { parseParameters } from '../../../src/protocol/http/parameters.ts'

const parsed = (text: string) => {
  const { values, resource, faults } = parseParameters(text)
  return {
    values: Object.fromEntries(values),
    resource: [...resource],
    faults: faults.map(({ name, fault }) => `${name} ${fault}`),
  }
}

t.test('a doubled parameter is a fault, though one of the two be empty; resource may come again', async (t) => {
  t.same(parsed('a=1&a=2').faults, ['a doubled'])
  t.same(parsed('a=&a=2').faults, ['a doubled'])
  t.same(parsed('resource=x&resource=y'), { values: {}, resource: ['x', 'y'], faults: [] })
})

t.test('bytes that are no UTF-8, broken escapes and control characters are faults, not other characters', async (t) => {
  for (const value of ['%ff', '%c0%af', '%ed%a0%80', '%', '%4', '%zz', '%00', 'a%00b', '%1b', '%7f'])
    t.same(parsed(`a=${value}`), { values: {}, resource: [], faults: ['a unreadable'] }, value)
  t.same(parsed('a%00=1').faults, [' unreadable'])
})

t.test('TAB, line ends and C1 controls are a fault, and left to who takes what a person types', async (t) => {
  for (const value of ['%09', 'a%0d%0ab', '%0a', '%0D', '%C2%85', '%c2%9f'])
    t.match(parsed(`a=${value}`), { values: { a: /./s }, faults: ['a control'] }, value)
  t.same(parsed('resource=a%09').faults, ['resource control'])
  t.same(parsed('a%09=1').faults, [' unreadable'])
  t.same(parsed('a=%C2%A0%E2%80%A8').faults, [], 'what is no control character')
})

t.test('an empty parameter counts as not sent', async (t) => {
  t.same(parsed('a=&b&c=1&&'), { values: { c: '1' }, resource: [], faults: [] })
})

t.test('form encoding is undone once', async (t) => {
  t.same(parsed('a=b+c%2Bd%2520&%C3%A9=%E2%82%AC').values, { a: 'b c+d%20', é: '€' })
  t.same(parsed('a=b=c').values, { a: 'b=c' })
})

t.test('more parameters than any request has are a fault, and parsing stops', async (t) => {
  t.same(parsed(`${'&'.repeat(200)}a=1`).faults, [' unreadable'], 'empty ones count')
  t.same(parsed(Array.from({ length: 10_000 }, (_, index) => `p${index}=1`).join('&')).faults, [' unreadable'])
})
