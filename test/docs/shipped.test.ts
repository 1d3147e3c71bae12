import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import t from 'tap'
import { readInTerminal } from '../../src/pages/inspect/inspect-page.tsx'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

const { files: shipped } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { files: string[] }

/** Paths that are in a checkout and in neither the package nor the image. */
const notShipped = readdirSync(packageFolder, { withFileTypes: true })
  .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
  .filter((name) => ![...shipped.map((folder) => `${folder}/`), 'package.json', 'README.md', 'LICENSE'].includes(name))
  // Folders that a running installation has as well.
  .filter((name) => !['keys/', 'node_modules/', '.signet/', '.env'].includes(name))

/** All strings of a program: everything it can print, send or show. Comments are not included. */
function textsOf(file: string, source: string): string[] {
  const texts: string[] = []
  new Visitor({
    Literal: ({ value }) => {
      if (typeof value === 'string') texts.push(value)
    },
    TemplateElement: ({ value }) => void texts.push(value.cooked ?? value.raw),
    JSXText: ({ value }) => void texts.push(value),
  }).visit(parseSync(file, source).program)
  return texts
}

/** The files that a text names and its reader does not have. */
function missingIn(text: string): string[] {
  const words = text.match(/[\w.-]+\/[\w./-]*|[\w-]+\.md\b/g) ?? []
  return words.filter((word) => notShipped.some((name) => (name.endsWith('/') ? word.startsWith(name) : word === name)))
}

t.test('a text that names an unshipped file is found', async (t) => {
  t.same(missingIn('docs/errors.md#expired explains it.'), ['docs/errors.md'])
  t.same(missingIn('See deploy/signet.service, examples/ and CHANGELOG.md.'), [
    'deploy/signet.service',
    'examples/',
    'CHANGELOG.md',
  ])
  t.same(missingIn('It must not (see sql/README.md), and the key is in keys/master.key.'), [])
  const source = '// docs/a.md\nconst a = <p title="docs/b.md">docs/c.md {`docs/d.md`}</p>'
  t.same(textsOf('a.tsx', source).flatMap(missingIn).sort(), ['docs/b.md', 'docs/c.md', 'docs/d.md'])
})

t.test('no text of the program refers to a file that is in neither the package nor the image', async (t) => {
  const programs = ['src', 'public'].flatMap((folder) =>
    readdirSync(join(packageFolder, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:tsx?|js)$/.test(file))
      .map((file) => join(folder, file)),
  )
  t.ok(programs.length > 200, 'sources are found')
  const pointing = programs.flatMap((file) =>
    textsOf(file, readFileSync(join(packageFolder, file), 'utf8')).flatMap((text) =>
      missingIn(text).map((missing) => `${file}: ${missing}`),
    ),
  )
  t.same(pointing, [])
})

t.test('the token inspector and the docs show the same shell command', async (t) => {
  t.ok(readFileSync(join(packageFolder, 'docs/verify.md'), 'utf8').includes(readInTerminal))
})
