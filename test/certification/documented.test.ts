import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { openConsole } from '../cli/console.ts'
import type { PlannedModule } from './plans/plan.ts'
import { plans } from './plans.ts'
import { personalClaims } from './support/claims.ts'
import { staticMetadata } from './support/clients.ts'

const page = readFileSync(join(packageFolder, 'docs/certification.md'), 'utf8')

/** The rows below each plan's name, as `name: how it ends`. */
const documented = new Map(
  page.split(/^### /m).flatMap((section) => {
    const names = section.match(/\boidcc-[\w-]+-test-plan\b/g) ?? []
    const rows = [...section.matchAll(/^\| `(oidcc-[^`]+)`( \(only with registration\))? \| (\w+)/gm)]
    const modules = rows.map(([, name, needsRegistration, result]) => ({
      text: `${name}: ${result}`,
      needsRegistration: needsRegistration !== undefined,
    }))
    return names.map((name) => [name, modules] as const)
  }),
)

const ending = ({ skipped }: PlannedModule) => (skipped ? 'skipped' : 'passes')

for (const { name, variant, modules } of plans)
  t.test(`${name} is documented as it is played with ${variant.registration}`, async (t) => {
    t.same(
      documented
        .get(name)
        ?.filter(({ needsRegistration }) => variant.registration === 'dynamic_client' || !needsRegistration)
        .map(({ text }) => text),
      modules.map((module) => `${module.name}: ${ending(module)}`),
    )
  })

t.test('no other plan is documented', async (t) => {
  t.same([...documented.keys()].sort(), [...new Set(plans.map(({ name }) => name))].sort())
})

t.test('the table of plans has the number of modules', async (t) => {
  const count = (plan: string, registration: string) =>
    plans.find(({ name, variant }) => name.startsWith(plan) && variant.registration === registration)?.modules.length
  const rows = [...page.matchAll(/^\| \[([^\]]+)\].*? \| (\d+)(?: or (\d+))?/gm)].map(([, , first, second]) => [
    Number(first),
    second === undefined ? undefined : Number(second),
  ])
  t.same(rows, [
    [count('oidcc-config', 'static_client'), undefined],
    [count('oidcc-basic', 'static_client'), count('oidcc-basic', 'dynamic_client')],
    [count('oidcc-formpost', 'static_client'), count('oidcc-formpost', 'dynamic_client')],
    [count('oidcc-dynamic', 'dynamic_client'), undefined],
    [count('oidcc-3rdparty', 'dynamic_client'), undefined],
    [count('oidcc-rp-initiated', 'static_client'), undefined],
  ])
})

t.test('the commands create a person with all claims, and clients like those of the tests', async (t) => {
  const { signetReading, json } = await openConsole(t, { SIGNET_ISSUER: 'https://id.example' })
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
  const client = await json(...createClient)
  t.match(client, staticMetadata({ base: 'https://suite.example' }, 'client_secret_basic'))
})

/** The commands `signet … create` of a page, with their continued lines, as a shell would split them. */
function commandsOf(markdown: string, variables: Readonly<Record<string, string>>): string[][] {
  return [...markdown.matchAll(/(?:^| )signet ((?:users|clients) create [^`]*?[^\\])\n/gm)].map(([, command = '']) =>
    [...command.replaceAll('\\\n', ' ').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, literal, quoted, plain]) =>
      (literal ?? quoted ?? plain ?? '').replace(/\$([A-Z]+)/g, (_, name: string) => variables[name] ?? ''),
    ),
  )
}

t.test('the configuration of the suite is JSON', async (t) => {
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? []
  t.match(JSON.parse(json), { alias: 'signet', browser: Array })
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
