import { execFileSync } from 'node:child_process'
import { parseEnv } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import {
  CannotBeWritten,
  code,
  codeIf,
  type Format,
  javascript,
  listOf,
  quoted,
  shell,
} from '../../../src/cli/recipes/writing.ts'

const hostile = [
  ...[
    '',
    ' ',
    ' leading and trailing ',
    'two words',
    '-flag',
    '=zsh',
    '~',
    '*',
    '# comment',
    '; rm -rf /',
    'a|b&c',
    '!history',
  ],
  ...[
    `it's`,
    `"`,
    `'''`,
    `"""`,
    'a\\',
    '\\',
    '\\\\"',
    '\\u0041',
    '\\b',
    '\\n',
    `'"\\`,
    '`id`',
    '$(id)',
    '$HOME',
    `$\{HOME}`,
    '$$',
  ],
  ...[
    '#{1 + 1}',
    '#@x',
    '%(name)s',
    '%HOME%',
    '{{x}}',
    '<%= 1 %>',
    ']]',
    '--',
    '*/',
    '</script>',
    '🦊 é',
    'a: b',
    '- a',
    'yes',
  ],
  ...['line\nbreak', 'a\r\nb', '\ttab', '\u0000', '\u0007\u001b[2J', '\u0085', '\u2028\u2029', '\u007f'],
]

const inShell = (text: string) => execFileSync('sh', ['-c', `printf %s ${text}`], { encoding: 'utf8' })

/** What `java.util.Properties` reads from the right side of a line. */
function fromProperties(text: string): string {
  return text
    .replace(/^[ \t]+/, '')
    .replace(/\\(?:u([0-9a-f]{4})|(.))/g, (_, unit, character) =>
      unit === undefined ? character : String.fromCharCode(Number.parseInt(unit, 16)),
    )
}

const fromSpring = (text: string) => text.replaceAll('\\${', '${')

/** How a program of the format reads a quoted value. */
const readers: Partial<Record<Format, (text: string) => string>> = {
  javascript: (text) => new Function(`return ${text}`)(),
  json: (text) => JSON.parse(text),
  springYaml: (text) => fromSpring(parse(`value: ${text}`).value),
  properties: (text) => fromSpring(fromProperties(text)),
  shell: inShell,
  dotenv: (text) => parseEnv(`A=${text}\nB=1\n`)['A'] ?? '',
  // Escapes of Rust, Ruby and Lua in the notation of JavaScript, whose strings are the same otherwise.
  rust: (text) => new Function(`return ${text}`)(),
  ruby: (text) => JSON.parse(text.replaceAll('\\#', '#')),
  lua: (text) =>
    text
      .slice(1, -1)
      .replace(/\\(?:(\d{3})|(.))/g, (_, decimal, character) =>
        decimal === undefined ? character : String.fromCharCode(Number(decimal)),
      ),
}

for (const [format, read] of Object.entries(readers) as [Format, (text: string) => string][])
  t.test(`a hostile value is the same after it was written and read as ${format}`, async (t) => {
    for (const value of hostile) {
      // A process has no arguments with NUL.
      if (value.includes('\u0000') && format === 'shell') continue
      let text: string
      try {
        text = quoted(format, value)
      } catch (error) {
        t.ok(error instanceof CannotBeWritten && format === 'dotenv', quoted('json', value))
        continue
      }
      t.equal(read(text), value, quoted('json', value))
    }
  })

t.test(
  'YAML, TOML and the languages with strings of JSON get no character that ends a line or begins an escape',
  async (t) => {
    for (const value of hostile) {
      const text = quoted('json', value)
      t.equal(parse(`value: ${text}`).value, value)
      t.notMatch(text, /[\p{Cc}\u2028\u2029]/u)
    }
  },
)

t.test('nothing in a value is evaluated by Ruby, Lua or Rust', async (t) => {
  for (const value of hostile) {
    t.notMatch(quoted('ruby', value), /(?<!\\)#/)
    for (const format of ['ruby', 'lua', 'rust'] as const)
      t.match(quoted(format, value), /^"(?:[^"\\\n\r]|\\.)*"$/, `${format} ${quoted('json', value)}`)
  }
})

t.test('a value that a format cannot hold is refused and never written differently', async (t) => {
  const impossible: Partial<Record<Format, string[]>> = {
    dotenv: [`it's $HOME`, `it's "`, `it's \\`, `it's\nB=2`],
    ini: ['$__env{HOME}', '%(name)s', '`', 'a\nb'],
    apache: [`$\{HOME}`, 'a\nb', 'a\rb'],
    nginx: ['$host', 'a\nb'],
  }
  for (const [format, values] of Object.entries(impossible) as [Format, string[]][])
    for (const value of values)
      t.throws(() => quoted(format, value), CannotBeWritten, `${format} ${quoted('json', value)}`)
  t.equal(quoted('ini', 'a; b # c'), '`a; b # c`')
  t.equal(quoted('apache', 'a "b" \\'), '"a \\"b\\" \\\\"')
  t.equal(quoted('nginx', `a "b"; '}`), `"a \\"b\\"; '}"`)
})

t.test('a template quotes what is inserted, and drops lines with an absent value', async (t) => {
  const text = javascript`
    a: ${"it's"},
      b: ${undefined},
    c: [${listOf('javascript', ['x', "y'"])}],

    ${codeIf(false, 'd: 1,')}
    ${code('e: 2,')}
  `
  t.equal(text, `a: 'it\\'s',\nc: ['x', 'y\\''],\n\ne: 2,`)
  t.equal(shell`run ${'$& $1'} ${code('$&')}`, `run '$& $1' $&`, 'patterns of replace are not special')
})
