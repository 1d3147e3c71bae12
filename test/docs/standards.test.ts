import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { citationsIn, citedSpecifications } from './cited-specifications.ts'
import { type Document, defaultDocument, fullDocument, variants } from './metadata-variants.ts'

const page = readFileSync(join(packageFolder, 'docs/standards.md'), 'utf8')
const documents = [defaultDocument, fullDocument, ...variants.map(({ document }) => document)]

/** What a row says about the metadata: a member, perhaps with values. */
interface Announcement {
  readonly member: string
  readonly values: readonly string[]
  /** False after "not". */
  readonly isThere: boolean
}

interface Row {
  readonly specification: string
  readonly offered: string
  readonly about: string
  readonly announcements: readonly Announcement[]
  /** The parts of the cell about metadata that could not be read. */
  readonly unreadable: readonly string[]
  readonly tests: readonly string[]
}

const codeIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '')

function readAnnouncement(line: string): Announcement | undefined {
  const [, not, member, values = ''] = /^(not )?`(\w+)`(?:: ((?:`[^`]+` ?)+))?$/.exec(line.trim()) ?? []
  return member === undefined ? undefined : { member, values: codeIn(values), isThere: not === undefined }
}

function readRow(line: string): Row {
  const [specification = '', offered = '', about = '', metadata = '', tests = ''] = line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
  const lines = metadata === '' ? [] : metadata.split('<br>')
  return {
    specification,
    offered,
    about,
    announcements: lines.flatMap((each) => readAnnouncement(each) ?? []),
    unreadable: lines.filter((each) => !readAnnouncement(each)),
    tests: codeIn(tests),
  }
}

/** The rows of all tables with the five columns. */
const rows = page
  .split(/^## /m)
  .filter((section) => section.includes('| offered | what, and why not more | metadata | tests |'))
  .flatMap((section) =>
    section
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .slice(2),
  )
  .map(readRow)

const valuesOf = (document: Document, member: string): readonly string[] => {
  const value = document[member]
  return value === undefined ? [] : [value].flat().map(String)
}

/** Whether a document has what a row says. With values, all of them. */
const has = (document: Document, { member, values }: Announcement) =>
  Object.hasOwn(document, member) && values.every((value) => valuesOf(document, member).includes(value))

/** Whether a document has anything of what a row denies. */
const hasAny = (document: Document, { member, values }: Announcement) =>
  Object.hasOwn(document, member) &&
  (values.length === 0 || values.some((value) => valuesOf(document, member).includes(value)))

const written = ({ member, values }: Announcement) => [member, ...values].join(' ')

/** The names under which a row can be cited: its links, and for OpenID Connect also the short form. */
const known = [page.split(/^## /m).find((section) => section.startsWith('OpenID Connect Core\n')) ?? '', ...rows]
  .map((each) => (typeof each === 'string' ? (each.split('|')[0] ?? '') : each.specification))
  .flatMap((cell) => {
    const linked = [...cell.matchAll(/\[([^\]]+)\]/g)].map(([, name]) => name ?? '')
    return [...linked, ...citationsIn(cell, [])]
  })
  .flatMap((name) => [name, name.replace(/^OpenID Connect /, '')])

t.test('every row can be read, and names a test that exists', async (t) => {
  t.ok(rows.length > 80, 'rows are found')
  for (const { specification, offered, about, announcements, unreadable, tests } of rows) {
    t.match(offered, /^(?:yes|off by default|in part|no)$/, specification)
    t.same(unreadable, [], `${specification}: metadata`)
    if (offered === 'no' || offered === 'in part') t.ok(about.length > 10, `${specification}: why`)
    t.ok(
      tests.some((file) => file.endsWith('.test.ts')),
      `${specification}: a test`,
    )
    for (const file of tests) t.ok(existsSync(join(packageFolder, file)), `${specification}: ${file}`)
    // This test proves that something is not offered by looking for what would announce it.
    if (tests.every((file) => file === 'test/docs/standards.test.ts'))
      t.ok(
        announcements.some(({ isThere }) => !isThere),
        `${specification}: what would announce it`,
      )
  }
})

t.test('what a row announces is in the metadata, and what it denies is not', async (t) => {
  for (const { specification, offered, announcements } of rows)
    for (const each of announcements) {
      const where = `${specification}: ${written(each)}`
      if (!each.isThere)
        t.notOk(
          documents.some((document) => hasAny(document, each)),
          `${where} is not there`,
        )
      else if (offered === 'off by default') {
        t.ok(has(fullDocument, each), `${where} can be turned on`)
        t.notOk(hasAny(defaultDocument, each), `${where} is off`)
      } else t.ok(has(defaultDocument, each), where)
    }
})

t.test('a specification that is not offered announces nothing, and each that is off by default does', async (t) => {
  for (const { specification, offered, announcements } of rows) {
    const announced = announcements.filter(({ isThere }) => isThere)
    if (offered === 'no') t.same(announced.map(written), [], specification)
    if (offered === 'off by default') t.ok(announced.length > 0, specification)
  }
})

t.test('every member of the metadata, and every value of its lists, belongs to a row', async (t) => {
  const announced = rows.flatMap(({ announcements }) => announcements.filter(({ isThere }) => isThere))
  t.same([...new Set(announced.map(({ member }) => member))].sort(), Object.keys(fullDocument).sort())
  // Rows that name no values stand for all of them: they are claims, languages, or the same lists again.
  const whole = announced.filter(({ values }) => values.length === 0).map(({ member }) => member)
  for (const [member, value] of Object.entries(fullDocument))
    if (Array.isArray(value) && !whole.includes(member))
      t.same(
        [...new Set(announced.flatMap((each) => (each.member === member ? each.values : [])))].sort(),
        [...value].sort(),
        member,
      )
})

t.test('every specification that the sources name has a row', async (t) => {
  const comment =
    'code()\n/**\n * RFC 9999 §4, §5,\n * and an Unheard Of\n * Standard §3 (§4)\n */\n// §2: see OpenID Connect\n// Something'
  t.same(citationsIn(comment, ['RFC 9999']), [
    'RFC 9999',
    'OpenID Connect Something',
    'RFC 9999',
    'RFC 9999 §4, §5, and an Unheard Of Standard'.slice(-40),
  ])
  const citations = citedSpecifications(known)
  t.ok(citations.length > 500, 'citations are found')
  const without = new Map(
    citations
      .filter(
        ({ name }) =>
          !known.some((each) => each === name || name.startsWith(`${each} `) || each.startsWith(`${name} `)),
      )
      .map(({ name, file }) => [name, file]),
  )
  t.same(Object.fromEntries(without), {})
})

/** Advice that no single line follows, and what a library does for us. */
const withoutCitation = ['RFC 10017', 'RFC 6797', 'RFC 8417']

t.test('every other RFC that is offered is cited in the sources', async (t) => {
  const cited = new Set(citedSpecifications(known).map(({ name }) => name))
  const offered = rows
    .filter((row) => row.offered !== 'no')
    .flatMap(({ specification }) => specification.match(/RFC \d+(?=\])/g) ?? [])
  t.ok(offered.length > 60)
  t.same(
    offered.filter((name) => !cited.has(name) && !withoutCitation.includes(name)),
    [],
  )
})
