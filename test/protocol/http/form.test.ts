import t from 'tap'
import { OAuthError } from '../../../src/protocol/errors/oauth-error.ts'
import { shortened } from '../../../src/protocol/errors/refusal.ts'
import { readForm, readResources } from '../../../src/protocol/http/form.ts'
import { parseParameters } from '../../../src/protocol/http/parameters.ts'

const bounds = { name: 5, digits: /^\d+$/ }
const read = (text: string) => readForm(parseParameters(text), bounds)

/** The name of the error that is thrown. */
function refused(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof OAuthError ? `${error.entry}: ${error.message}` : String(error)
  }
}

t.test('a parameter out of its bounds is rejected by name, and its value is not repeated', async (t) => {
  for (const [text, name] of [
    ['name=123456', 'name'],
    ['digits=x', 'digits'],
  ] as const)
    t.equal(
      refused(() => read(text)),
      `parameter_malformed: The parameter '${name}' is malformed.`,
    )
  t.match(
    refused(() => read('digits=1%0a')),
    /^parameter_control/,
  )
  t.match(
    refused(() => read('name=1&name=2')),
    /^parameter_doubled/,
  )
  t.match(
    refused(() => read('name=1&other=%ff')),
    /^parameter_unreadable/,
    'unreadable ones are not ignored either',
  )
})

t.test("a name is repeated only if it looks like a parameter's name", async (t) => {
  const plain = 'code_challenge.method-1'
  t.equal(
    refused(() => read(`${plain}=1&${plain}=2`)),
    `parameter_doubled: The parameter '${plain}' was sent more than once.`,
  )
  for (const name of ['Call+0800+123456', 'https://evil.example', 'x'.repeat(41), '%C3%A4', 'a%27b'])
    for (const [query, sentence] of [
      [`${name}=1&${name}=2`, 'parameter_doubled: A parameter was sent more than once.'],
      [`${name}=%ff`, 'parameter_unreadable: A parameter is not URL-encoded UTF-8 text.'],
      [`${name}=%0a`, 'parameter_control: A parameter contains a tab, a line break or another control character.'],
    ] as const)
      t.equal(
        refused(() => read(query)),
        sentence,
      )
})

t.test('names of inherited properties are ordinary parameters, and unknown ones are ignored', async (t) => {
  const form = read('__proto__=1&constructor=2&toString=3&name=x')
  t.same(Object.entries(form), [['name', 'x']])
  t.equal(({} as Record<string, unknown>)['1'], undefined)
  t.same(readForm(undefined, bounds), {}, 'no body is an empty form')
})

t.test('resource may be repeated, but only up to a limit', async (t) => {
  t.same(readResources(parseParameters('resource=a&resource=b&resource=')), ['a', 'b'])
  t.same(readResources(undefined), [])
  for (const text of ['resource=a&'.repeat(21), `resource=${'a'.repeat(2049)}`])
    t.match(
      refused(() => readResources(parseParameters(text))),
      /^parameter_malformed/,
    )
})

t.test('a secret at the point where a long text is cut off is removed completely', async (t) => {
  const secret = 'b3JkZXItbm9ib2R5LXNheXMtYS1zZWNyZXQtYWxvdWQ'
  for (let before = 0; before < 90; before += 1) {
    const shown = shortened(`${'x '.repeat(before / 2)}${secret}`, 80)
    t.ok(shown.length <= 80)
    t.notMatch(shown, secret.slice(0, 8))
  }
})
