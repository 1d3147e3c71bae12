import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

const root = packageFolder
const page = readFileSync(join(root, 'docs/threat-model.md'), 'utf8')

/** The body rows of the table under a heading, each as an array of its cells. */
function rowsUnder(heading: string): string[][] {
  const [, section = ''] = page.split(`\n## ${heading}\n`)
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const attacks = rowsUnder('The attacks of RFC 9700')
const others = rowsUnder('What RFC 9700 does not list')
const pathsIn = (text: string) =>
  [...text.matchAll(/`((?:src|packages|test|docs)\/[^`]+)`/g)].map(([, path]) => path ?? '')
const linksIn = (text: string) => [...text.matchAll(/\]\(([^)#:]+\.md)/g)].map(([, path]) => `docs/${path}`)

/** RFC 9700 §4, down to the subsections that describe a separate attack. */
const sections =
  '4.1.1 4.1.2 4.2.1 4.2.2 4.3.1 4.3.2 4.4 4.5 4.6 4.7 4.8 4.9.1 4.9.2 4.10 4.11.1 4.11.2 4.12 4.13 4.14 4.15 4.16 4.17.1.1 4.17.1.2 4.17.1.3'

t.test('every attack of RFC 9700 has a row, in order', async (t) => {
  t.same(
    attacks.map(([section = '']) => section.split(' ')[0]),
    sections.split(' '),
  )
})

t.test('every row says what Signet does, in which file, and which test proves it', async (t) => {
  t.ok(others.length > 20)
  for (const cells of [...attacks.map((row) => row.slice(1)), ...others]) {
    const [attack = '', defence = '', shown = ''] = cells
    t.equal(cells.length, 4, attack)
    t.ok(
      pathsIn(defence).some((path) => /^(?:src|packages)\//.test(path)),
      `${attack}: a file in src or packages`,
    )
    t.ok(pathsIn(shown).length > 0 && pathsIn(shown).every((path) => path.startsWith('test/')), `${attack}: a test`)
  }
})

t.test('every file that the page names exists', async (t) => {
  const named = new Set([...pathsIn(page), ...linksIn(page)])
  t.ok(named.size > 80, 'paths are found')
  t.same(
    [...named].filter((path) => !existsSync(join(root, path))),
    [],
  )
})

t.test('every test in test/attacks is named in a table', async (t) => {
  const named = new Set([...attacks, ...others].flat().flatMap(pathsIn))
  const tests = readdirSync(join(root, 'test/attacks')).filter((file) => file.endsWith('.test.ts'))
  t.ok(tests.length > 15, 'tests are found')
  t.same(
    tests.filter((file) => !named.has(`test/attacks/${file}`)),
    [],
  )
})
