import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import t from 'tap'
import { en } from '../../src/html/messages/en.ts'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/*
 * Finds messages that nothing reads. `page.messages.home.title`, and the same through destructuring, is followed exactly. If a
 * section is read by a computed key (`faults[fault]`) or passed on as a whole, a key counts as used if it occurs as a string in the
 * sources, or as a word of a script in public/.
 */

type Sections = Readonly<Record<string, Readonly<Record<string, string>>>>
type Node = { readonly type: string } & Readonly<Record<string, unknown>>

/** What the sources read. */
interface Reads {
  /** `section.key` */
  readonly keys: Set<string>
  /** Sections that are read by computed keys or passed on. */
  readonly whole: Set<string>
  readonly strings: Set<string>
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value
const nameOf = (node: unknown) => (isNode(node) && node.type === 'Identifier' ? String(node['name']) : undefined)
const propertyOf = (node: unknown) =>
  isNode(node) && node.type === 'MemberExpression' && !node['computed'] ? nameOf(node['property']) : undefined
const isMessages = (node: unknown) => (nameOf(node) ?? propertyOf(node)) === 'messages'
const patternsOf = (pattern: Node) => (pattern['properties'] as Node[]).filter(({ type }) => type === 'Property')

function collectReads(file: string, text: string, reads: Reads): void {
  /** The local names of sections; undefined where an inner variable has the same name. */
  type Scope = Map<string, string | undefined>

  const sectionOf = (node: unknown, scope: Scope): string | undefined =>
    isNode(node) && node.type === 'MemberExpression' && isMessages(node['object'])
      ? propertyOf(node)
      : scope.get(nameOf(node) ?? '')

  const shadow = (pattern: unknown, scope: Scope): void => {
    if (!isNode(pattern)) return
    const name = nameOf(pattern)
    if (name !== undefined) scope.set(name, undefined)
    else for (const part of partsOf(pattern)) shadow(part, scope)
  }

  const declare = (declarator: Node, scope: Scope): void => {
    const { id, init } = declarator as { id?: unknown; init?: unknown }
    if (!isNode(id)) return
    const section = sectionOf(init, scope)
    if (id.type === 'ObjectPattern' && isMessages(init)) {
      for (const { key, value } of patternsOf(id) as { key?: unknown; value?: unknown }[])
        if (isNode(value) && value.type === 'ObjectPattern')
          for (const inner of patternsOf(value)) reads.keys.add(`${nameOf(key)}.${nameOf(inner['key'])}`)
        else scope.set(nameOf(value) ?? '', nameOf(key))
    } else if (id.type === 'ObjectPattern' && section !== undefined) {
      for (const { key } of patternsOf(id) as { key?: unknown }[]) reads.keys.add(`${section}.${nameOf(key)}`)
    } else if (id.type === 'Identifier' && section !== undefined) {
      scope.set(nameOf(id) ?? '', section)
    } else {
      shadow(id, scope)
      // Including the defaults in it.
      visit(id, scope)
      visit(init, scope)
    }
  }

  const visit = (node: unknown, scope: Scope): void => {
    if (!isNode(node)) return
    const inner = node.type === 'BlockStatement' || 'params' in node ? new Map(scope) : scope
    if (Array.isArray(node['params'])) for (const parameter of node['params']) shadow(parameter, inner)
    if (node.type === 'Literal' && typeof node['value'] === 'string') reads.strings.add(node['value'])
    const section = sectionOf(node, scope)
    if (section !== undefined) reads.whole.add(section)
    if (node.type === 'VariableDeclarator') declare(node, scope)
    else if (node.type === 'MemberExpression') visitMember(node, scope)
    else if (node.type === 'Property' && !node['computed']) visit(node['value'], scope)
    else for (const part of partsOf(node)) visit(part, inner)
  }

  const visitMember = (node: Node, scope: Scope): void => {
    const read = sectionOf(node['object'], scope)
    if (read === undefined) visit(node['object'], scope)
    else if (node['computed']) reads.whole.add(read)
    else reads.keys.add(`${read}.${propertyOf(node)}`)
    if (node['computed']) visit(node['property'], scope)
  }

  visit(parseSync(file, text).program, new Map())
}

/** The child nodes of a node, without types: `typeof claims` reads nothing. */
function partsOf(node: Node): Node[] {
  const values = ['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression']
  return Object.values(node)
    .flat()
    .filter(isNode)
    .filter(({ type }) => !type.startsWith('TS') || values.includes(type))
}

function unusedKeys(messages: Sections, sources: Readonly<Record<string, string>>, scripts: string): string[] {
  const reads: Reads = { keys: new Set(), whole: new Set(), strings: new Set() }
  for (const [file, text] of Object.entries(sources)) collectReads(file, text, reads)
  const words = new Set(scripts.match(/\w+/g))
  return Object.entries(messages)
    .flatMap(([section, texts]) => Object.keys(texts).map((key) => [section, key] as const))
    .filter(([section, key]) => !reads.keys.has(`${section}.${key}`))
    .filter(([section, key]) => !(reads.whole.has(section) && (reads.strings.has(key) || words.has(key))))
    .map(([section, key]) => `${section}.${key}`)
}

const textsIn = (folder: string, names: RegExp) =>
  Object.fromEntries(
    readdirSync(join(packageFolder, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => names.test(file))
      .map((file) => [file, readFileSync(join(packageFolder, folder, file), 'utf8')]),
  )

const without = (some: readonly string[], all: readonly string[]) => all.filter((key) => !some.includes(key))

const sources = textsIn('src', /^(?!html\/messages\/(en|de)\.ts).*\.tsx?$/)
const scripts = Object.values(textsIn('public', /\.js$/)).join('\n')

t.test('every message is read by a page', async (t) => {
  t.same(unusedKeys(en, sources, scripts), [])
})

t.test('a planted message that no page reads is found, in sections of either kind', async (t) => {
  const planted = Object.entries(en).map(([section, texts]) => [section, { ...texts, planted_message: 'Hello' }])
  const found = Object.keys(en)
  t.same(
    unusedKeys(Object.fromEntries(planted), sources, scripts),
    found.map((section) => `${section}.planted_message`),
  )
})

t.test('each way to read a message is recognized, and another variable of the same name does not count', async (t) => {
  const messages = { home: { title: '', lead: '' }, faults: { busy: '', expired: '' }, alone: { title: '' } }
  const unusedIn = (source: string) => unusedKeys(messages, { 'page.tsx': source }, '')
  const all = ['home.title', 'home.lead', 'faults.busy', 'faults.expired', 'alone.title']
  t.same(unusedIn('const a = <p>{page.messages.home.title}</p>'), without(['home.title'], all))
  t.same(unusedIn('const { home } = page.messages; f(home.title)'), without(['home.title'], all))
  t.same(unusedIn('const { home: { lead } } = messages; f(lead)'), without(['home.lead'], all))
  t.same(unusedIn('const { home: texts } = messages; f(<b>{texts.lead}</b>)'), without(['home.lead'], all))
  t.same(unusedIn('const { label = messages.home.title } = props'), without(['home.title'], all), 'as a default')
  t.same(unusedIn(`const { faults } = messages; faults[fault]; f('busy')`), without(['faults.busy'], all))
  t.same(unusedIn(`has(page.messages.faults, fault); f('expired')`), without(['faults.expired'], all))
  t.same(unusedIn('function f({ home }) { return home.title }'), all, 'a parameter')
  t.same(unusedIn('f((home) => home.title)'), all)
  t.same(unusedIn('const { home } = page.messages; const f = (home) => home.title'), all, 'it hides the section')
  t.same(unusedIn(`const { faults } = messages; f('busy')`), all, 'a section that is not read')
})
