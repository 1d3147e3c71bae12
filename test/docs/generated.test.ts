import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { declarations } from '../../src/platform/config/declaration.ts'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { activationDelay, readSettings } from '../../src/platform/config/settings.ts'
import { allCommands } from '../cli/commands-table.ts'
import { clientPages, withClientBlocks } from './client-blocks.ts'
import { drawn, generated, partOf } from './generated.ts'
import { inWords } from './key-timeline.ts'

for (const { page, table } of generated)
  t.test(`${page.split('/').at(-1)} matches the sources; otherwise run npm run docs`, async (t) => {
    t.equal(partOf(page), table())
  })

for (const { file, draw } of drawn)
  t.test(`${file.split('/').at(-1)} matches the sources; otherwise run npm run docs`, async (t) => {
    t.equal(readFileSync(file, 'utf8'), draw())
  })

for (const page of clientPages())
  t.test(`clients/${page.split('/').at(-1)} matches the recipes; otherwise run npm run docs`, async (t) => {
    const text = readFileSync(page, 'utf8')
    t.equal(text, withClientBlocks(text))
    t.equal(
      text.match(/^<!-- (?:signet clients show|[\w-]+ registers itself|recipes)/gm)?.length ?? 0,
      text.match(/^<!-- end -->$/gm)?.length ?? 0,
      'every block is closed',
    )
  })

t.test('the pages state the durations that follow from the settings', async (t) => {
  const settings = readSettings({}, '/nowhere')
  const delay = inWords(activationDelay(settings))
  t.equal(delay, '24 h 12 min')
  for (const page of ['keys', 'key-compromise'])
    t.ok(readFileSync(join(packageFolder, `docs/${page}.md`), 'utf8').includes(delay), page)
})

const [settings = '', commands = ''] = generated.map(({ page }) => partOf(page))

t.test('the table of settings has every setting once, and no other', async (t) => {
  const named = settings.split('\n').flatMap((line) => /^\| `(SIGNET_[A-Z_]+)`/.exec(line)?.[1] ?? [])
  t.same(named, Object.keys(declarations))
})

t.test('the table of commands has every command with all its flags, and no other', async (t) => {
  const sections = commands.split(/^(?=\| \*\*)/m).slice(1)
  const named = sections.map((section) => /^\| \*\*`(signet[a-z -]*?)(?: <[a-z_]+>)*`\*\*/.exec(section)?.[1])
  t.same(
    named,
    allCommands().map(({ name }) => name),
  )
  for (const [index, { name, command }] of allCommands().entries()) {
    const flags = [...(sections[index] ?? '').matchAll(/(?<=`)--[a-z-]+/g)].map(([flag]) => flag)
    t.same(flags.sort(), command.options.map(({ long }) => long).sort(), name)
  }
})

t.test('the commands are the documented ones', async (t) => {
  const groups: Record<string, string> = {
    events: 'list show refusals',
    clients: 'create import list show update adopt delete list-secrets rotate-secret revoke-secret',
    grants: 'list show revoke revoke-all',
    groups: 'create add remove list show delete',
    keys: 'list rotate revoke import export-public reseal secrets rotate-secrets',
    mail: 'test',
    'registration-tokens': 'create list revoke',
    resources: 'create list show update delete',
    users:
      'create invite invitations uninvite import list show update sign-out disable enable set-password recover factors reset-factors data delete',
  }
  const promised = Object.entries(groups).flatMap(([group, verbs]) =>
    verbs.split(' ').map((verb) => `signet ${group} ${verb}`),
  )
  const names = allCommands().map(({ name }) => name)
  const alone = ['doctor', 'migrate', 'recover', 'serve', 'version'].map((name) => `signet ${name}`)
  t.same(names.sort(), [...promised, ...alone].sort())
})
