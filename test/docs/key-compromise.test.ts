import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { openKeysInstallation } from '../cli/keys-installation.ts'

/** The page is read in a hurry. So each of its commands is run, in order, and must print the lines that the page shows. */
const page = readFileSync(join(packageFolder, 'docs/key-compromise.md'), 'utf8')

interface Drill {
  /** The `##` heading above it. */
  readonly section: string
  readonly commands: readonly string[]
  /** Lines that the output of the last command contains; `…` stands for anything. */
  readonly prints: readonly string[]
}

/** A value that the reader fills in: `KID=…`. */
const setting = /^(?<name>[A-Z_]+)=\S*…$/
/** A password is piped in, because it must not be an argument. */
const pipe = /^printf '%s' "\$(?<piped>[A-Z_]+)" \| /

const block = /^ *```sh\n(?<commands>[\s\S]*?)^ *```\n(?: *```text\n(?<prints>[\s\S]*?)^ *```\n)?/gm

function linesOf(text = ''): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function drillsOf(markdown: string): Drill[] {
  return [...markdown.matchAll(block)].map(({ groups, index }) => ({
    section: [...markdown.slice(0, index).matchAll(/^## .*$/gm)].at(-1)?.[0] ?? '',
    commands: linesOf(groups?.['commands']),
    prints: linesOf(groups?.['prints']),
  }))
}

/** Splits a command line like a shell, as far as the page needs it. */
function wordsOf(command: string, variables: Readonly<Record<string, string>>): string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain = '']) =>
    (quoted ?? plain).replace(/\$([A-Z_]+)/g, (_, name: string) => variables[name] ?? ''),
  )
}

const sentence = (text: string) => text.trim().replace(/\s+/g, ' ')

function prints(out: string, said: string): boolean {
  const parts = said.split('…').map((part) => sentence(part).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  const pattern = new RegExp(`^${parts.join('.*')}$`)
  return out.split('\n').some((line) => pattern.test(sentence(line)))
}

t.test('a line that is not printed is found', async (t) => {
  t.ok(prints('a\nkid   one two\n', 'kid …'))
  t.notOk(prints('a\nkid\n', 'kid one'))
  t.notOk(prints('the kid one', 'kid …'))
  t.same(wordsOf('signet x "$KID" --reason "a b"', { KID: '-k' }), ['signet', 'x', '-k', '--reason', 'a b'])
})

t.test('every command of the drill works as written and prints what the page says', async (t) => {
  const { signetReading, json, kids, age } = await openKeysInstallation(t)
  await kids('active')
  await age(2)
  const [KID = ''] = await kids('active')
  const { client_id: CLIENT } = await json<{ client_id: string }>(
    ...['clients', 'create', '--name', 'App', '--redirect-uri', 'https://app.example/callback'],
  )
  const PERSON = 'person@example.com'
  await json('users', 'create', '--email', PERSON)
  const values: Record<string, string> = { KID, CLIENT, PERSON, NEW_PASSWORD: 'grapefruit-tango-lantern' }
  const isSet = new Set<string>()
  const drills = drillsOf(page)
  t.ok(drills.length >= 10)
  t.equal(drills.length, page.match(/```sh$/gm)?.length, 'none is skipped')
  for (const drill of drills) {
    let out = ''
    for (const command of drill.commands) {
      const name = setting.exec(command)?.groups?.['name']
      if (name !== undefined) {
        t.type(values[name], 'string', `${name} is a known variable`)
        isSet.add(`${drill.section} ${name}`)
        continue
      }
      for (const [, used] of command.matchAll(/\$([A-Z_]+)/g))
        t.ok(isSet.has(`${drill.section} ${used}`), `${drill.section} sets ${used} before ${command}`)
      const piped = pipe.exec(command)?.groups?.['piped']
      const [program, ...args] = wordsOf(command.replace(pipe, ''), values)
      const answer = await signetReading(piped === undefined ? '' : (values[piped] ?? ''), ...args)
      t.match({ program, ...answer }, { program: 'signet', code: 0, err: '' }, command)
      out = answer.out
    }
    for (const said of drill.prints) t.ok(prints(out, said), said, { out })
  }
})
