import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { format } from 'node:util'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/** The pages say what their snippets print, and that a reader can run them from a checkout: so they are run here, in one. */
const folder = join(packageFolder, 'docs/learn')
const pages = readdirSync(folder).filter((name) => name.endsWith('.md'))

interface Snippet {
  readonly code: string
  /** What the page says that it prints. `…` stands for what differs from run to run. */
  readonly prints: string
}

/** Words after the language are no matter to GitHub, which shows such a block as any other. */
const marked = /^```js runnable$/gm
const snippet = /^```js runnable\n(?<code>[\s\S]*?)^```\n\n```text\n(?<prints>[\s\S]*?)^```$/gm

function snippetsOf(markdown: string): Snippet[] {
  return [...markdown.matchAll(snippet)].map(({ groups }) => ({
    code: groups?.['code'] ?? '',
    prints: groups?.['prints'] ?? '',
  }))
}

function isAsSaid(printed: string, said: string): boolean {
  const parts = said.split('…').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${parts.join('.+')}$`).test(printed)
}

/** Only what a checkout has after `npm ci`, and of that only what the README of the folder promises. */
const allowed = ['jose', 'node:crypto', 'signet-verify']

/** The lines printed between two snippets of a page are told apart by this. */
const end = '\u0000'

mkdirSync(join(packageFolder, '.signet/test'), { recursive: true })
// Inside the checkout, or the names of the packages would lead nowhere.
const programs = mkdtempSync(join(packageFolder, '.signet/test/learn-'))
t.teardown(() => rmSync(programs, { recursive: true, force: true }))

t.test('what is printed is compared to the letter, but where the page has an ellipsis', async (t) => {
  t.ok(isAsSaid('a (b)\n', 'a (b)\n'))
  t.ok(isAsSaid('id 7f3a;\n', 'id …;\n'))
  t.notOk(isAsSaid('id ;\n', 'id …;\n'))
  t.notOk(isAsSaid('id 7f3a\nmore\n', 'id …\n'), 'an ellipsis ends with its line')
  t.notOk(isAsSaid('a b\n', 'a (b)\n'))
})

for (const name of pages) {
  const markdown = readFileSync(join(folder, name), 'utf8')
  const snippets = snippetsOf(markdown)

  t.test(`${name} can be read in five minutes, and prints what it says`, async (t) => {
    t.ok(markdown.split('\n').length <= 121, 'no more than 120 lines')
    t.equal(snippets.length, markdown.match(marked)?.length ?? 0, 'each snippet has its output below it')
    const program = snippets.map(({ code }) => `${code}\nconsole.log(${JSON.stringify(end)})\n`).join('')
    for (const [, module = ''] of program.matchAll(/^import .* from '(.*)'$/gm))
      t.ok(allowed.includes(module), `${module} is among what a snippet may import`)

    const file = join(programs, name.replace('.md', '.mjs'))
    writeFileSync(file, program)
    const log = t.capture(console, 'log')
    await import(pathToFileURL(file).href)
    const printed = log()
      .map(({ args }) => `${format(...args)}\n`)
      .join('')
      .split(`${end}\n`)
    for (const [index, { prints }] of snippets.entries())
      t.ok(isAsSaid(printed[index] ?? '', prints), `snippet ${index + 1}`, { prints, printed: printed[index] })
  })
}

t.test('all pages but the first of all have something to run', async (t) => {
  const without = pages.filter((name) => snippetsOf(readFileSync(join(folder, name), 'utf8')).length === 0)
  t.same(without, ['README.md'])
})
