import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { openConsole } from '../cli/console.ts'
import { plans } from './plans.ts'
import { personalClaims } from './support/claims.ts'
import { staticLogoutMetadata, staticMetadata } from './support/static-clients.ts'

const page = readFileSync(join(packageFolder, 'docs/certification.md'), 'utf8')

interface DocumentedModule {
  readonly name: string
  readonly needsRegistration: boolean
  /** How it ends, by response type; or for all of them, if the table has only one column. */
  readonly results: Readonly<Record<string, string>>
}

/** The table below each plan's name. */
const documented = new Map(
  page.split(/^(?=###? |`oidcc-)/m).flatMap((section) => {
    const names = section.match(/\boidcc-[\w-]+-test-plan\b/g) ?? []
    const [, header = ''] = /^\| module \| (.*) \|$/m.exec(section) ?? []
    const columns = header.split(' | ').map((title) => title.replaceAll('`', ''))
    const rows = [...section.matchAll(/^\| `(oidcc-[^`]+)`( \(only with registration\))? \| (.*) \|$/gm)]
    const modules = rows.map(([, name = '', needsRegistration, cells = '']): DocumentedModule => {
      const results = cells.split(' | ').map((cell, index) => [columns[index] ?? '', cell.replace(/:.*/, '')])
      return { name, needsRegistration: needsRegistration !== undefined, results: Object.fromEntries(results) }
    })
    return names.map((name) => [name, modules] as const)
  }),
)

for (const { name, variant, modules } of plans)
  t.test(
    `${name} is documented as it is played with ${variant.registration} and ${variant.responseType}`,
    async (t) => {
      const rows = documented
        .get(name)
        ?.filter(({ needsRegistration }) => variant.registration === 'dynamic_client' || !needsRegistration)
        .map(({ name, results }) => `${name}: ${results[variant.responseType] ?? results['result']}`)
        .filter((row) => !row.endsWith(': –'))
      t.same(
        rows,
        modules.map(({ name, skipped }) => `${name}: ${skipped ? 'skipped' : 'passes'}`),
      )
    },
  )

t.test('no other plan is documented', async (t) => {
  t.same([...documented.keys()].sort(), [...new Set(plans.map(({ name }) => name))].sort())
})

t.test('the table of plans has the number of modules', async (t) => {
  const count = (plan: string, registration: string) =>
    plans
      .filter(({ name, variant }) => name === plan && variant.registration === registration)
      // Of these, the tester chooses one response type.
      .filter(({ variant }) => variant.responseType === 'code' || !/dynamic|logout|session/.test(plan))
      .reduce((sum, { modules }) => sum + modules.length, 0)
  const rows = [...page.matchAll(/^\| \[[^\]]+\]\(#.*? \| (\d+(?: or \d+)?)\b/gm)].map(([, text]) => text)
  t.same(
    rows,
    // The form_post plans follow their own.
    [...new Set(plans.map(({ name }) => name))].map((name) =>
      [...new Set([count(name, 'static_client'), count(name, 'dynamic_client')])]
        .filter((number) => number > 0)
        .join(' or '),
    ),
  )
})

t.test('the table of checks names functions that are there, and all that check something', async (t) => {
  const folder = join(packageFolder, 'test/certification')
  const rows = [...page.matchAll(/^\| .* \| `(\w+)` in `([\w./-]+)` \|$/gm)]
  for (const [, name = '', file = ''] of rows)
    t.match(readFileSync(join(folder, file), 'utf8'), new RegExp(`\\b(?:function|const) ${name}\\b`), name)
  const checks = readdirSync(join(folder, 'support')).flatMap((file) => {
    const text = readFileSync(join(folder, 'support', file), 'utf8')
    return [
      ...text.matchAll(/^export (?:async )?function ((?:assert|verify|read)\w+|\w+(?<!sign|Sign)(?:From|In|At))\(/gm),
    ]
  })
  t.ok(checks.length > 15, 'checks are found')
  const named = rows.map(([, name]) => name)
  for (const [, name = ''] of checks) t.ok(named.includes(name), name)
})

t.test('the commands create a person with all claims, and clients like those of the tests', async (t) => {
  const { signetReading, json } = await openConsole(t, {
    ...{ SIGNET_ISSUER: 'https://id.example', SIGNET_LEGACY_RESPONSE_TYPES: 'on' },
  })
  const [createPerson = [], createClient = []] = commandsOf(page, {
    PASSWORD: 'unused',
    SUITE: 'https://suite.example',
  })
  const person = await signetReading('certification-with-signet', ...createPerson)
  t.match(person, { code: 0, err: '' })
  const account = await json('users', 'show', 'certification')
  // `updated_at` and the marks of verification are not given, but always there.
  for (const claim of personalClaims.filter((name) => !/^updated_at$|_verified$|^preferred_username$/.test(name)))
    t.ok(claim in account, `the person has ${claim}`)
  const server = { base: 'https://suite.example' }
  const metadata = staticMetadata(server, 'client_secret_basic')
  t.match(await json(...createClient), metadata)
  const more = [...page.matchAll(/^\| (\S+) OP \| `(--[^`]+)` \|$/gm)].map(([, plan = '', options = '']) => {
    const told = plan.toLowerCase().replace('-', '') as 'frontchannel' | 'backchannel'
    return { told, options: wordsOf(options, { SUITE: server.base }) }
  })
  t.same(
    more.map(({ told }) => told),
    ['frontchannel', 'backchannel'],
  )
  for (const { told, options } of more)
    t.match(await json(...createClient, ...options), { ...metadata, ...staticLogoutMetadata(server, told) })
})

type Variables = Readonly<Record<string, string>>

/** The commands `signet … create` of a page, with their continued lines. */
function commandsOf(markdown: string, variables: Variables): string[][] {
  return [...markdown.matchAll(/(?:^| )signet ((?:users|clients) create [^`]*?[^\\])\n/gm)].map(([, command = '']) =>
    wordsOf(command.replaceAll('\\\n', ' '), variables),
  )
}

/** The words of a command, as a shell would split it. */
function wordsOf(command: string, variables: Variables): string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, literal, quoted, plain]) =>
    (literal ?? quoted ?? plain ?? '').replace(/\$([A-Z]+)/g, (_, name: string) => variables[name] ?? ''),
  )
}

t.test('the configuration of the suite is JSON', async (t) => {
  const [configuration, frontChannel] = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json = '']) =>
    JSON.parse(json),
  )
  t.match(configuration, { alias: 'signet', browser: Array })
  t.match(frontChannel, [Array, Array])
})

t.test('the ids in the configuration are those of the pages', async (t) => {
  const ids = [...page.matchAll(/"id", "([\w-]+)"/g)]
    .map(([, id = '']) => id)
    .filter((id) => id !== 'submission_complete')
  const pages = ['sign-in/sign-in-page', 'consent/consent-page', 'sign-out/confirm-logout-page']
    .concat('passkey-offer/passkey-offer-page')
    .map((name) => readFileSync(join(packageFolder, `src/pages/${name}.tsx`), 'utf8'))
    .join('\n')
  t.ok(ids.length > 4, 'ids are found')
  for (const id of ids) t.ok(pages.includes(`id="${id}"`), id)
})
