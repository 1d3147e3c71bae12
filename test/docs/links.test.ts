import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

const root = packageFolder
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'keys/README.md'],
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
]

const read = (page: string) => readFileSync(join(root, page), 'utf8')

/** The text without fenced code, in which brackets and `#` have another meaning. */
const proseOf = (markdown: string) => markdown.replace(/^(```+)[\s\S]*?^\1$/gm, '')

/** The targets of links and images, in Markdown and in HTML. Code between backticks does not count. */
function addressesIn(markdown: string): string[] {
  const text = proseOf(markdown).replace(/(?<!\]\()`[^`\n]*`/g, 'code')
  const written = [...text.matchAll(/\]\(([^()\s]+)(?: "[^"]*")?\)/g), ...text.matchAll(/ (?:src|href)="([^"]+)"/g)]
  return written.map(([, address]) => address ?? '')
}

/** The target of a link inside the repository, or undefined for an external address. */
function inside(address: string): { path: string; anchor: string | undefined } | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(address)) return undefined
  const [path = '', anchor] = address.split('#')
  return { path, anchor }
}

/** Headings as GitHub names them, and ids that are set by hand. A repeated heading gets `-1`. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>()
  const prose = proseOf(markdown)
  for (const [, heading = ''] of prose.matchAll(/^#{1,6} (.+)$/gm)) {
    const shown = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/<[^>]*>/g, '')
    const anchor = shown
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
      .replaceAll(' ', '-')
    let name = anchor
    for (let count = 1; anchors.has(name); count++) name = `${anchor}-${count}`
    anchors.add(name)
  }
  for (const [, id = ''] of prose.matchAll(/ id="([^"]+)"/g)) anchors.add(id)
  return anchors
}

/** Undefined if the link works; otherwise what is wrong with it. */
function whyDead(page: string, address: string): string | undefined {
  const link = inside(address)
  if (link === undefined) return undefined
  const target = link.path === '' ? join(root, page) : resolve(root, dirname(page), link.path)
  if (relative(root, target).startsWith('..')) return 'leads out of the repository'
  if (!existsSync(target)) return 'leads to no file'
  if (link.anchor === undefined) return undefined
  if (statSync(target).isDirectory() || !target.endsWith('.md')) return 'has an anchor, but its target is not a page'
  return anchorsOf(readFileSync(target, 'utf8')).has(link.anchor) ? undefined : 'leads to no heading of that page'
}

/** Images without alternative text. */
function picturesWithoutText(markdown: string): string[] {
  const prose = proseOf(markdown)
  const html = [...prose.matchAll(/<img\b[^>]*>/g)].map(([tag]) => tag).filter((tag) => !/ alt="[^"]{10,}"/.test(tag))
  return [...html, ...[...prose.matchAll(/!\[.{0,9}\]\([^)]*\)/g)].map(([picture]) => picture)]
}

t.test('a dead link is found', async (t) => {
  t.equal(whyDead('docs/verify.md', 'verifyy.md'), 'leads to no file')
  t.equal(whyDead('docs/verify.md', '../README.md#license-'), 'leads to no heading of that page')
  t.equal(whyDead('docs/verify.md', '#no-such-heading'), 'leads to no heading of that page')
  t.equal(whyDead('README.md', '../elsewhere'), 'leads out of the repository')
  t.equal(whyDead('docs/verify.md', '../README.md#license'), undefined)
  t.same(addressesIn('[`a`](b.md) `[c](d.md)`\n```sh\n[e](f.md)\n```\n<img src="g.png">'), ['b.md', 'g.png'])
  t.same([...anchorsOf('# A `b_c`: d, [e](f)?\n## G\n## G')], ['a-b_c-d-e', 'g', 'g-1'])
})

t.test('an image without alternative text is found', async (t) => {
  t.equal(
    picturesWithoutText('<img src="a.svg"> <img src="b.svg" alt=""> ![](c.svg) ![a long enough text](d.svg)').length,
    3,
  )
})

for (const page of pages)
  t.test(`${page} has no dead links, and its images have alternative text`, async (t) => {
    const markdown = read(page)
    const dead = addressesIn(markdown).flatMap((address) => {
      const why = whyDead(page, address)
      return why === undefined ? [] : [`${address} ${why}`]
    })
    t.same(dead, [])
    t.same(picturesWithoutText(markdown), [])
  })

t.test('every page can be reached from README.md', async (t) => {
  const found = new Set(['README.md'])
  for (const page of found)
    for (const address of addressesIn(read(page))) {
      const link = inside(address)
      if (link === undefined || link.path === '') continue
      const target = relative(root, resolve(root, dirname(page), link.path))
      if (pages.includes(target)) found.add(target)
    }
  t.same(
    pages.filter((page) => !found.has(page) && page !== 'keys/README.md'),
    [],
  )
})

t.test('no page has merge markers', async (t) => {
  for (const page of pages) t.notMatch(read(page), /^(?:<{7}|>{7}) /m, page)
})
