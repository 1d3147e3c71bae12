import type { Command } from 'commander'
import t from 'tap'
import { createProgram, idsBehindFlags } from '../../src/cli/commands.ts'
import { entirelyVisible, visible, visibleJson } from '../../src/cli/terminal.ts'
import { answer, emptyFolder } from './console.ts'
import { unusedTerminal } from './unused-terminal.ts'

t.test(
  'a usage error exits with 2, is explained on standard error, and reads neither settings nor database',
  async (t) => {
    const folder = emptyFolder(t)
    // Unusable settings: anything that reads them exits with 1.
    const environment = { SIGNET_PORT: 'no port' }
    const cases: [string[], RegExp][] = [
      [['frobnicate'], /unknown command 'frobnicate'/],
      [['__proto__'], /unknown command '__proto__'/],
      [['constructor'], /unknown command 'constructor'/],
      [['clients', 'toString'], /unknown command 'toString'/],
      [['clients', 'list', '--jsno'], /unknown option '--jsno'/],
      [['clients', 'list', '--__proto__=1'], /unknown option/],
      [['clients', 'list', 'more'], /too many arguments/],
      [['clients', 'show'], /missing required argument 'client_id'/],
      [['clients', 'create'], /required option '--name <text>' not specified/],
      [['clients', 'create', '--name'], /argument missing/],
      [['clients', 'create', '--name', '--json'], /Its value is missing/],
      [['clients', 'create', '--name=--first-party'], /Its value is missing/],
      [['clients', 'create', '--name', 'A', '--name', 'B'], /only once/],
      [['clients', 'create', '--name', 'A', '--first-party', '--no-first-party'], /contradict/],
      [['clients', 'create', '--name', 'A', '--no-require-pkce', '--require-pkce'], /contradict/],
      [['clients', 'create', '--name', 'A', '--default-max-age', '15m'], /whole number of seconds/],
      [['clients', 'create', '--name', 'A', '--default-max-age', '-1'], /whole number of seconds/],
      [['clients', 'create', '--name', 'A', '--default-max-age', '9'.repeat(8192)], /whole number of seconds/],
      [['clients', 'list', `--${'x'.repeat(8192)}`], /unknown option/],
      [['clients', 'update', 'client_x'], /Nothing to change/],
      [['resources', 'create', '--scope', 'a'], /--identifier <uri>' not specified/],
      [['resources', 'create', '--identifier', 'https://a.example', '--access-token-ttl', '900'], /duration/],
      [
        ['resources', 'create', '--identifier', 'https://a.example', '--access-token-signing-alg', 'HS256'],
        /ES256, RS256/,
      ],
      [['resources', 'update', 'https://a.example'], /Nothing to change/],
      [['users', 'create'], /--email, --username or both/],
      [['users', 'create', '--name', 'A person'], /--email, --username or both/],
      [['users', 'create', '--username', 'person', '--email-verified'], /requires --email/],
      [['users', 'create', '--email', 'no address'], /must be an e-mail address/],
      [['users', 'create', '--username', 'who@example.com'], /username/],
      [['users', 'create', '--username', 'p', '--picture', 'javascript:alert(1)'], /picture/],
      [['users', 'create', '--username', 'p', '--website', 'data:text/html,x'], /website/],
      [['users', 'create', '--username', 'p', '--birthdate', '1990-02-30'], /birthdate/],
      [['users', 'create', '--username', 'p', '--zoneinfo', 'Middle/Earth'], /zoneinfo/],
      [['users', 'create', '--username', 'p', '--zoneinfo', '+02:00'], /zoneinfo/],
      [['users', 'create', '--username', 'p', '--locale', 'not a locale'], /locale/],
      [['users', 'create', '--username', 'p', '--phone-number', '0800'], /phone_number/],
      [['users', 'create', '--username', 'p', '--name', 'A\u202ename'], /name/],
      [['users', 'create', '--username', 'p', '--name', 'A\nname'], /name/],
      [['users', 'create', '--username', 'p', '--name', 'n'.repeat(8192)], /name/],
      [['users', 'create', '--username', 'p', '--address', 'not json'], /not JSON/],
      [['users', 'create', '--username', 'p', '--address', '[]'], /JSON object/],
      [['users', 'create', '--username', 'p', '--address', '{}'], /empty/],
      [['users', 'create', '--username', 'p', '--address', '{"__proto__":"x"}'], /__proto__/],
      [['users', 'create', '--username', 'p', '--address', '{"constructor":"x"}'], /constructor/],
      [['users', 'create', '--username', 'p', '--address', '{"country":1}'], /country must be a string/],
      [['users', 'update', 'p'], /Nothing to change/],
      [['users', 'update', '--name', 'n'], /missing required argument 'user'/],
      [['users', 'update', 'p', '--email', 'no address'], /must be an e-mail address/],
      [['users', 'update', 'p', '--email', '', '--email-verified'], /requires an address/],
      [['users', 'update', 'p', '--email-verified', '--no-email-verified'], /contradict/],
      [['users', 'update', 'p', '--username', 'who@example.com'], /username/],
      [['users', 'update', 'p', '--picture', 'javascript:alert(1)'], /picture/],
      [['users', 'update', 'p', '--address', '{}'], /empty/],
      [['users', 'update', 'p', '--name'], /argument missing/],
      [['users', 'set-password'], /missing required argument/],
      [['grants', 'list', '--user'], /argument missing/],
      [['keys'], /Usage: signet keys/],
      [[], /Usage: signet/],
    ]
    for (const [args, message] of cases) {
      const { code, out, err } = await answer(args, { folder, environment })
      t.same({ code, out }, { code: 2, out: '' }, `signet ${args.join(' ').slice(0, 60)}`)
      t.match(err, message)
      t.notMatch(err, /\n\s+at /, 'no stack trace')
      t.ok(err.length < 2000 || err.startsWith('Usage'), 'a value of 8 KB is not repeated')
    }
  },
)

t.test(
  'an empty value, as from an unset variable, is a usage error if it would name or choose something',
  async (t) => {
    const folder = emptyFolder(t)
    // Unusable settings: anything that reads them exits with 1.
    const environment = { SIGNET_PORT: 'no port' }
    const commands = (command: Command): Command[] => [command, ...command.commands.flatMap(commands)]
    const path = (command: Command): string[] => (command.parent ? [...path(command.parent), command.name()] : [])
    const cases = commands(createProgram(unusedTerminal)).flatMap((command) => {
      const named = command.registeredArguments.map(() => 'x')
      // For a flag that sets a member, an empty value removes it.
      const setsMembers = ['create', 'update'].includes(command.name())
      const chosen = command.options.filter(({ required, mandatory }) => required && (mandatory || !setsMembers))
      const reason = chosen.some(({ mandatory, long }) => mandatory && long === '--reason') ? ['--reason', 'r'] : []
      return [
        ...named.map((_, index) => [...path(command), ...named.with(index, ''), ...reason]),
        ...chosen.map(({ long }) => [
          ...path(command),
          ...named,
          ...(long === '--reason' ? [] : reason),
          `${long}`,
          '',
        ]),
      ]
    })
    t.ok(cases.length > 40, `${cases.length} flags and arguments`)
    for (const args of cases) {
      const { code, out, err } = await answer(args, { folder, environment })
      t.same({ code, out }, { code: 2, out: '' }, `signet ${args.map((arg) => arg || '""').join(' ')}: ${err}`)
    }
    t.match((await answer(['keys', 'revoke', ' ', '--reason', 'r'], { folder })).err, /'kid'. It must not be empty/)
    t.match(
      (await answer(['events', 'list', '--client-id', ''], { folder })).err,
      /--client-id <client_id>.*It must not be empty/,
    )
  },
)

t.test('arguments that commander repeats in its messages cannot control the terminal', async (t) => {
  const { err } = await answer(['clients', 'list', '--x\u001b]0;title\u0007\u009b31m'], { folder: emptyFolder(t) })
  t.match(err, /unknown option/)
  t.notMatch(err, /[^\P{Cc}\n]/u)
})

t.test('control characters are made visible for a terminal, and JSON stays JSON', async (t) => {
  const evil = 'a\u001b[2Jb\u009bc\u202ed\u2028e\rf'
  t.equal(visible(`${evil}\n`), 'a\\u001b[2Jb\\u009bc\\u202ed\\u2028e\\u000df\n')
  t.notMatch(visibleJson({ evil }), /[^\P{Cc}\n]|[\u2028\u202e]/u)
  t.same(JSON.parse(visibleJson({ evil })), { evil })
})

t.test('of a text from a request, everything is shown that a reader would not see', async (t) => {
  const unseen = [
    '\n',
    '\u0000',
    '\u001b',
    '\u007f',
    '\u009b',
    '\u00a0',
    '\u00ad',
    '\u034f',
    '\u061c',
    '\u115f',
    '\u2003',
    '\u200b',
    '\u200d',
    '\u202e',
  ]
  unseen.push(
    '\u2028',
    '\u2060',
    '\u2066',
    '\u2800',
    '\u3000',
    '\u3164',
    '\ufe0f',
    '\ufeff',
    '\uffa0',
    '\ufff9',
    '\ue000',
    '\ud800',
  )
  for (const character of [...unseen, '\u{e0041}', '\u{1d173}', '\u{10ffff}']) {
    const text = entirelyVisible(`a${character}b`)
    t.match(text, /^a(?:\\u[0-9a-f]{4}){1,2}b$/, text)
    t.equal(JSON.parse(`"${text}"`), `a${character}b`, 'as in JSON')
    const json = visibleJson({ text: `a${character}b` })
    t.match(json, /^[\x20-\x7e\n]+$/)
    t.same(JSON.parse(json), { text: `a${character}b` })
  }
  t.equal(entirelyVisible('a b, é 漢 🦊'), 'a b, é 漢 🦊')
})

t.test('unusable settings exit with 1 and report all faults at once', async (t) => {
  const environment = { SIGNET_PORT: 'no port', SIGNET_ISSUR: 'https://id.example' }
  const { code, out, err } = await answer(['clients', 'list', '--json'], { folder: emptyFolder(t), environment })
  t.same({ code, out }, { code: 1, out: '' })
  t.match(err, /SIGNET_PORT: expected a whole number/)
  t.match(err, /SIGNET_ISSUR: there is no such setting/)
})

t.test('an unreachable database is reported in one sentence, without the password', async (t) => {
  const environment = {
    SIGNET_DATABASE_URL: 'postgres://signet:very-secret@127.0.0.1:1/signet',
    SIGNET_LOG_LEVEL: 'silent',
  }
  const { code, out, err } = await answer(['users', 'list', '--json'], { folder: emptyFolder(t), environment })
  t.same({ code, out }, { code: 1, out: '' })
  t.match(err, /^signet: The database cannot be used: .*ECONNREFUSED.*\n$/)
  t.notMatch(err, 'very-secret')
})

t.test('help exits with 0 and is printed on standard output', async (t) => {
  for (const args of [['--help'], ['clients', '--help'], ['clients', 'create', '--help'], ['help', 'users']]) {
    const { code, out, err } = await answer(args, { folder: emptyFolder(t) })
    t.same({ code, err }, { code: 0, err: '' })
    t.match(out, /^Usage: signet /)
  }
})

t.test('an id that begins with a hyphen is not taken for a flag', async (t) => {
  const program = createProgram(unusedTerminal)
  const id = '-h3cdefghijklmnopqrstu'
  const cases: [string[], string[]][] = [
    [
      ['users', 'show', id, '--json'],
      ['users', 'show', '--json', '--', id],
    ],
    [
      ['users', 'show', '--json', id],
      ['users', 'show', '--json', '--', id],
    ],
    [
      ['users', 'show', '--', id],
      ['users', 'show', '--', id],
    ],
    // The value of a flag stays in place.
    [
      ['grants', 'list', '--user', id],
      ['grants', 'list', '--user', id],
    ],
    // A flag that is 22 characters long is not an id, whether known or misspelt.
    [
      ['clients', 'create', '--no-require-auth-time'],
      ['clients', 'create', '--no-require-auth-time'],
    ],
    [
      ['clients', 'create', '--no-require-auth-tame'],
      ['clients', 'create', '--no-require-auth-tame'],
    ],
  ]
  for (const [given, expected] of cases) t.same(idsBehindFlags(given, program), expected)
})
