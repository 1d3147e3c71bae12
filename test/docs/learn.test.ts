import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { format } from 'node:util'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/** The pages say what their snippets print, and that they run from a checkout. So they are run here, in a copy of one. */
const folder = join(packageFolder, 'docs/learn')
const pages = readdirSync(folder).filter((name) => name.endsWith('.md'))

interface Snippet {
  readonly code: string
  /** The output that the page shows. `…` stands for what differs between runs. */
  readonly prints: string
}

/** Words after the language do not matter to GitHub, which renders such a block like any other. */
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

/** Separates the output of two snippets of a page. */
const end = '\u0000'

mkdirSync(join(packageFolder, '.signet/test'), { recursive: true })
// Inside the checkout; otherwise the package names could not be resolved.
const programs = mkdtempSync(join(packageFolder, '.signet/test/learn-'))
t.teardown(() => rmSync(programs, { recursive: true, force: true }))

t.test('output is compared exactly, except where the page has an ellipsis', async (t) => {
  t.ok(isAsSaid('a (b)\n', 'a (b)\n'))
  t.ok(isAsSaid('id 7f3a;\n', 'id …;\n'))
  t.notOk(isAsSaid('id ;\n', 'id …;\n'))
  t.notOk(isAsSaid('id 7f3a\nmore\n', 'id …\n'), 'an ellipsis matches to the end of its line')
  t.notOk(isAsSaid('a b\n', 'a (b)\n'))
})

for (const name of pages) {
  const markdown = readFileSync(join(folder, name), 'utf8')
  const snippets = snippetsOf(markdown)

  t.test(`${name} can be read in five minutes and prints what it says`, async (t) => {
    t.ok(markdown.split('\n').length <= 121, 'at most 120 lines')
    t.equal(snippets.length, markdown.match(marked)?.length ?? 0, 'each snippet is followed by its output')
    const program = snippets.map(({ code }) => `${code}\nconsole.log(${JSON.stringify(end)})\n`).join('')
    for (const [, module = ''] of program.matchAll(/^import .* from '(.*)'$/gm))
      t.ok(allowed.includes(module), `${module} is one of the modules that a snippet may import`)

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

t.test('every page except the overview has something to run', async (t) => {
  const without = pages.filter((name) => snippetsOf(readFileSync(join(folder, name), 'utf8')).length === 0)
  t.same(without, ['README.md'])
})
