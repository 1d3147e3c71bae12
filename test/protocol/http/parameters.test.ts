import t from 'tap'
import {
  faultsIn,
  type Parameters,
  parseParameters,
  sentValue,
  soundParameters,
  soundValue,
  typedValues,
} from '../../../src/protocol/http/parameters.ts'

const faults = (text: string) => faultsIn(parseParameters(text)).map(({ name, fault }) => `${name} ${fault}`)

function sound(text: string) {
  const { values, resource } = soundParameters(parseParameters(text))
  return { values: Object.fromEntries(values), resource: [...resource] }
}

t.test('a repeated parameter is a fault, even if one of the two is empty; only resource may be repeated', async (t) => {
  t.same(faults('a=1&a=2'), ['a doubled'])
  t.same(faults('a=&a=2'), ['a doubled'])
  t.same(sound('resource=x&resource=y'), { values: {}, resource: ['x', 'y'] })
})

t.test('invalid UTF-8, broken escapes and control characters are faults, and are not replaced', async (t) => {
  for (const value of ['%ff', '%c0%af', '%ed%a0%80', '%', '%4', '%zz', '%00', 'a%00b', '%1b', '%7f'])
    t.same([faults(`a=${value}`), sentValue(parseParameters(`a=${value}`), 'a')], [['a unreadable'], undefined], value)
  t.same(faults('a%00=1'), [' unreadable'])
})

t.test('TAB, line ends and C1 controls are a fault, except in values that a person types', async (t) => {
  for (const value of ['%09', 'a%0d%0ab', '%0a', '%0D', '%C2%85', '%c2%9f'])
    t.match([faults(`a=${value}`), typedValues(parseParameters(`a=${value}`)).get('a')], [['a control'], /./s], value)
  t.same(faults('resource=a%09'), ['resource control'])
  t.same(faults('a%09=1'), [' unreadable'])
  t.same(faults('a=%C2%A0%E2%80%A8'), [], 'not a control character')
})

t.test('an empty parameter counts as not sent', async (t) => {
  t.same(sound('a=&b&c=1&&'), { values: { c: '1' }, resource: [] })
})

t.test('form encoding is decoded once', async (t) => {
  t.same(sound('a=b+c%2Bd%2520&%C3%A9=%E2%82%AC').values, { a: 'b c+d%20', é: '€' })
  t.same(sound('a=b=c').values, { a: 'b=c' })
})

t.test('more parameters than any request has are a fault, and parsing stops', async (t) => {
  t.same(faults(`${'&'.repeat(200)}a=1`), [' unreadable'], 'empty ones count')
  t.same(faults(Array.from({ length: 10_000 }, (_, index) => `p${index}=1`).join('&')), [' unreadable'])
})

t.test('each way to read a value reports only the faults that matter to it', async (t) => {
  const read = (text: string, take: (parameters: Parameters) => unknown) => {
    try {
      return take(parseParameters(text)) ?? 'none'
    } catch (error) {
      return (error as { entry?: string }).entry
    }
  }
  const all = (parameters: Parameters) => soundParameters(parameters).values.get('a')
  const one = (parameters: Parameters) => soundValue(parameters, 'a')
  const typed = (parameters: Parameters) => typedValues(parameters).get('a')
  const asSent = (parameters: Parameters) => sentValue(parameters, 'a')
  const ways = (text: string) => [all, one, typed, asSent].map((take) => read(text, take))
  t.same(ways('a=1'), ['1', '1', '1', '1'])
  t.same(ways('b=1'), ['none', 'none', 'none', 'none'])
  t.same(ways('a=1&b=1&b=2'), ['parameter_doubled', '1', 'parameter_doubled', '1'], 'a fault of another one')
  t.same(ways('a=1&a=2'), ['parameter_doubled', 'parameter_doubled', 'parameter_doubled', '2'])
  t.same(ways('a=1%09'), ['parameter_control', 'parameter_control', '1\t', '1\t'])
  t.same(ways('a=%ff'), ['parameter_unreadable', 'parameter_unreadable', 'parameter_unreadable', 'none'])
})

t.test('input that Signet has not parsed has no values', async (t) => {
  for (const sent of [undefined, null, 'a=1', { a: '1' }, { values: new Map([['a', '1']]) }])
    t.equal(sentValue(sent, 'a'), undefined)
})
