import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { parseSync } from 'oxc-parser'
import t from 'tap'
import { packageFolder } from '../src/platform/config/installation-folder.ts'

/** docs/architecture.md: imports go down only. A file directly in src/ is the top, except signet.ts, the type that every layer may use. */
const layers = [
  ...['cli', 'endpoints', 'pages', 'interaction', 'operations', 'tokens', 'key-ring', 'records', 'protocol', 'html'],
  'platform',
]

/** The packages, and what each may import in addition to Node's modules and its own files. Any layer may import a package. */
const packages: Record<string, readonly string[]> = { verify: ['fastify'], 'local-postgres': ['pg'] }

/** Layers on the same level: none of them imports another. */
const entryLayers = ['cli', 'endpoints', 'pages']

/**
 * Violations that are tolerated for now, as parts of their messages. This list only gets shorter: an entry without a violation fails, so
 * remove it when you fix the violation.
 */
const knownViolations: readonly string[] = []

const sources = join(packageFolder, 'src')
const files = ['.', ...Object.keys(packages).map((name) => `../packages/${name}/src`)].flatMap((folder) =>
  readdirSync(join(sources, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => join(folder, file)),
)
const isInPackage = (file: string) => file.startsWith('../packages/')

/** The path from src/ of a module that is imported by its name in `imports` of package.json. */
function inPackage(name: string): string {
  const [, folder, module] = /^#([^/]+)\/?(.*)$/.exec(name) ?? []
  const entry = folder === 'verify' ? 'index' : folder
  return `../packages/${folder}/src/${module || entry}.ts`
}

interface Import {
  /** The name of a package, or the path of one of our own files from src/. */
  readonly target: string
  /** Whether it imports only types, which do not exist at run time. */
  readonly isType: boolean
}

/** The imports of a module. */
function importsOf(file: string, text: string): Import[] {
  const { module } = parseSync(file, text)
  const imported = module.staticImports.map(({ moduleRequest, entries }) => ({
    value: moduleRequest.value,
    isType: entries.length > 0 && entries.every(({ isType }) => isType),
  }))
  const exported = module.staticExports.flatMap(({ entries }) =>
    entries.map(({ moduleRequest, isType }) => ({ value: moduleRequest?.value, isType })),
  )
  const dynamic = module.dynamicImports.map(({ moduleRequest }) => ({
    value: text.slice(moduleRequest.start + 1, moduleRequest.end - 1),
    isType: false,
  }))
  return [...imported, ...exported, ...dynamic].flatMap(({ value, isType }) => {
    if (value === undefined) return []
    const named = value.startsWith('#') ? inPackage(value) : value
    const target = value.startsWith('.') ? relative(sources, resolve(sources, dirname(file), value)) : named
    return [{ target, isType }]
  })
}

/** Why a package must not be imported; undefined if it may be. */
function packageFault(file: string, target: string): string | undefined {
  const [layer = ''] = file.split('/')
  if (layer === 'operations' && target.startsWith('fastify')) return 'operations must not depend on HTTP'
  if (target === 'pg' && !isStore(file) && !file.startsWith('platform/database/'))
    return 'only stores and platform/database may import pg'
  if (target === 'jose' && !/^(platform\/jwt|protocol|key-ring)\//.test(file))
    return 'only platform/jwt, protocol and key-ring may import jose'
  // The workspace name of a package cannot be resolved in the tarball.
  if (/^signet-/.test(target)) return 'packages are imported as #verify or #local-postgres'
  return isInPackage(target) ? 'there is no such module in a package' : undefined
}

/** A package is self-contained: imports from Signet or another package would be missing where it is installed alone. */
function standaloneFault(file: string, target: string): string | undefined {
  const [, , name = ''] = file.split('/')
  const allowed = target.startsWith('node:') || target.startsWith(`../packages/${name}/src/`)
  return allowed || packages[name]?.includes(target) ? undefined : `${name} must be self-contained`
}

/** Why one of our own files must not be imported, by the location of the two files; undefined if it may be. */
function layerFault(file: string, target: string): string | undefined {
  const [layer = '', folder] = file.split('/')
  const [targetLayer = '', targetFolder] = target.split('/')
  if (target === 'signet.ts' || !file.includes('/')) return undefined
  if (!target.includes('/')) return layer === 'cli' ? undefined : 'nothing below the top may import it'
  if (isEndpoint(target)) return 'only app.ts may import an endpoint'
  if (entryLayers.includes(layer) && entryLayers.includes(targetLayer) && layer !== targetLayer)
    return 'commands, endpoints and pages do not import each other'
  if ((layer === 'endpoints' || layer === 'pages') && targetLayer === layer && folder !== targetFolder)
    return 'no endpoint or page may import another'
  return isInPackage(target) || layers.indexOf(targetLayer) >= layers.indexOf(layer)
    ? undefined
    : 'imports go down only'
}

const isStore = (file: string) => file.endsWith('-store.ts')
const isEndpoint = (file: string) => file.endsWith('-endpoint.ts')
const isPage = (file: string) => file.endsWith('-page.tsx')
const isIn = (file: string, ...folders: string[]) => folders.some((folder) => file.startsWith(`${folder}/`))

/** Why a file must not import something that exists at run time, by the kind of file that its name shows; undefined if it may. */
function kindFault(file: string, target: string): string | undefined {
  const isOwn = files.includes(target)
  if (isEndpoint(file)) {
    if (isStore(target) || isIn(target, 'platform/database') || target === 'pg')
      return 'an endpoint must not contain SQL: call an operation'
    if (isIn(target, 'platform/secrets', 'platform/jwt') || ['jose', 'node:crypto', 'argon2'].includes(target))
      return 'an endpoint must not contain cryptography'
  }
  if (isPage(file)) {
    if (!isOwn && target !== 'preact') return 'a page is a function of its properties'
    if (isOwn && (isStore(target) || !(isIn(target, 'html', 'protocol', 'records') || isInSameFolder(file, target))))
      return 'a page is a function of its properties'
  }
  // Column names and the conversion of a row may be in the file of the record, next to its store.
  if (isStore(file) && target !== 'pg' && !isStore(target) && !isIn(target, 'platform/database'))
    if (!isOwn || !isInSameFolder(file, target)) return 'a store contains only SQL'
  return undefined
}

const isInSameFolder = (file: string, target: string) => dirname(file) === dirname(target)

function importFaults(file: string, text: string): string[] {
  return importsOf(file, text).flatMap(({ target, isType }) => {
    if (isInPackage(file)) {
      const why = standaloneFault(file, target)
      return why ? [`${file} imports ${target}: ${why}`] : []
    }
    const byPlace = files.includes(target) ? layerFault(file, target) : packageFault(file, target)
    const why = byPlace ?? (isType ? undefined : kindFault(file, target))
    return why ? [`${file} imports ${target}: ${why}`] : []
  })
}

const endsRows = 'records/endings/end-rows-store.ts'

/** Only one file ends rows of grants and sessions, so that each has a reason and a time, and none is ended twice. */
function endingFaults(file: string, text: string): string[] {
  const ends = /\bUPDATE\s+(?:ONLY\s+)?(?:grants|sessions)\b(?:(?!\bWHERE\b)[^`])*?\bended_at\s*=/i
  return file !== endsRows && ends.test(text) ? [`${file} sets ended_at: only ${endsRows} does`] : []
}

/** Names that do not say what a file is for, and names that two files share. */
function nameFaults(files: readonly string[]): string[] {
  const vague = files
    .filter((file) => /(^|[/-])(utils?|helpers?|common|misc)(\.tsx?$|\/)/.test(file))
    .map((file) => `${file}: the name is too vague`)
  const nameOf = (file: string) => basename(file).replace(/\.tsx?$/, '')
  const duplicates = [...new Set(files.map(nameOf))].flatMap((name) => {
    const all = files.filter((file) => nameOf(file) === name).sort()
    return all.length > 1 ? [`${all.length} files are called ${name}: ${all.join(', ')}`] : []
  })
  return [...vague, ...duplicates]
}

/** Each layer has a README of 5 to 15 lines: what it contains, in what order things happen, and who may import it. */
function readmeFaults(folder: string, readme: string | undefined): string[] {
  if (readme === undefined) return [`${folder} has no README.md`]
  const lines = readme.trimEnd().split('\n').length
  return lines < 5 || lines > 15 ? [`${folder}/README.md has ${lines} lines: not 5 to 15`] : []
}

function readmeOf(folder: string): string | undefined {
  const file = join(sources, folder, 'README.md')
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

/** The violations that are not on the list, and the entries of the list without a violation. */
function judge(faults: readonly string[], known: readonly string[]): string[] {
  return [
    ...faults.filter((fault) => !known.some((part) => fault.includes(part))),
    ...known
      .filter((part) => !faults.some((fault) => fault.includes(part)))
      .map((part) => `'${part}' is fixed: remove it from the list`),
  ]
}

t.test('imports go down only, each kind of file imports and does what it may, and file names are unique', async (t) => {
  t.ok(files.length > 50, 'the sources are found')
  const inLayers = files.filter((file) => file.includes('/') && !isInPackage(file))
  const folders = [...new Set(inLayers.map((file) => file.split('/')[0] ?? ''))]
  const faults = [
    ...files.flatMap((file) => {
      const text = readFileSync(join(sources, file), 'utf8')
      return [...importFaults(file, text), ...endingFaults(file, text)]
    }),
    ...nameFaults(files.filter((file) => !isInPackage(file))),
    ...folders.flatMap((folder) => readmeFaults(folder, readmeOf(folder))),
  ]
  t.same(judge(faults, knownViolations), [])
})

t.test('planted violations of the import rules are found', async (t) => {
  const some = (fits: (file: string) => boolean) => files.find(fits) ?? ''
  const store = some((file) => isStore(file) && isIn(file, 'records'))
  const secrets = some((file) => isIn(file, 'platform/secrets') && !isStore(file))
  const database = some((file) => isIn(file, 'platform/database') && !isStore(file))
  const operation = some((file) => isIn(file, 'operations'))
  const endpoint = some((file) => isEndpoint(file) && isIn(file, 'endpoints'))
  const page = some((file) => isPage(file) && isIn(file, 'pages'))
  const token = some((file) => isIn(file, 'tokens'))
  const key = some((file) => isIn(file, 'key-ring'))
  const command = some((file) => isIn(file, 'cli'))
  const html = some((file) => isIn(file, 'html'))
  const port = some((file) => isIn(file, 'platform/http'))
  const helper = some((file) => isIn(file, 'endpoints') && !isEndpoint(file) && !isStore(file))
  t.notOk([store, secrets, database, operation, endpoint, page, token, key, command, html, port, helper].includes(''))

  const planted: [file: string, target: string, why: string][] = [
    ['platform/x.ts', token, 'imports go down only'],
    ['platform/x.ts', html, 'imports go down only'],
    ['html/x.ts', store, 'imports go down only'],
    ['protocol/x.ts', store, 'imports go down only'],
    ['records/x.ts', key, 'imports go down only'],
    ['key-ring/x.ts', token, 'imports go down only'],
    ['tokens/x.ts', operation, 'imports go down only'],
    ['operations/x.ts', page, 'imports go down only'],
    ['interaction/x.ts', page, 'imports go down only'],
    ['tokens/x.ts', 'app.ts', 'nothing below the top'],
    ['cli/x.ts', helper, 'do not import each other'],
    ['cli/x.ts', page, 'do not import each other'],
    ['endpoints/x/x.ts', command, 'do not import each other'],
    ['endpoints/x/x.ts', page, 'do not import each other'],
    ['pages/x/x.ts', command, 'do not import each other'],
    ['pages/x/x.ts', helper, 'do not import each other'],
    ['endpoints/x/x.ts', helper, 'no endpoint or page may import another'],
    ['pages/x/x.ts', page, 'no endpoint or page may import another'],
    ['endpoints/x/x.ts', endpoint, 'only app.ts'],
    ['tokens/x.ts', 'pg', 'only stores and platform/database'],
    ['tokens/x.ts', 'jose', 'only platform/jwt'],
    ['operations/x.ts', 'fastify', 'operations must not depend on HTTP'],
    ['../packages/verify/src/x.ts', secrets, 'verify must be self-contained'],
    ['../packages/verify/src/x.ts', 'some-package', 'verify must be self-contained'],
    ['../packages/verify/src/x.ts', '#local-postgres', 'verify must be self-contained'],
    ['../packages/local-postgres/src/x.ts', 'signet-idp', 'local-postgres must be self-contained'],
    ['tokens/x.ts', 'signet-verify', 'imported as #verify'],
    ['tokens/x.ts', '#verify/no-such-module', 'no such module'],
    ['endpoints/x/x-endpoint.ts', store, 'an endpoint must not contain SQL'],
    ['pages/x/x-endpoint.ts', store, 'an endpoint must not contain SQL'],
    ['endpoints/x/x-endpoint.ts', database, 'an endpoint must not contain SQL'],
    ['endpoints/x/x-endpoint.ts', secrets, 'an endpoint must not contain cryptography'],
    ['endpoints/x/x-endpoint.ts', 'node:crypto', 'an endpoint must not contain cryptography'],
    ['pages/x/x-page.tsx', operation, 'a page is a function of its properties'],
    ['pages/x/x-page.tsx', store, 'a page is a function of its properties'],
    ['pages/x/x-page.tsx', port, 'a page is a function of its properties'],
    ['pages/x/x-page.tsx', 'node:fs', 'a page is a function of its properties'],
    ['records/x/x-store.ts', secrets, 'a store contains only SQL'],
    ['tokens/x-store.ts', 'node:crypto', 'a store contains only SQL'],
    ['tokens/x-store.ts', key, 'a store contains only SQL'],
  ]
  const written = (file: string, target: string) => {
    if (!files.includes(target)) return target
    const path = relative(join(sources, dirname(file)), join(sources, target))
    return path.startsWith('.') ? path : `./${path}`
  }
  for (const [file, target, why] of planted) {
    const from = written(file, target)
    const forms = [`import { a } from '${from}'`, `export { a } from '${from}'`, `await import('${from}')`]
    for (const text of forms) t.match(importFaults(file, text), [why], `${file}: ${text}`)
  }

  // Imports of types must go down, too. The rules for kinds of files apply only to what exists at run time.
  const typeOnly = (file: string, target: string) =>
    importFaults(file, `import type { A } from '${written(file, target)}'`)
  t.match(typeOnly('records/x.ts', key), ['imports go down only'])
  t.match(typeOnly('tokens/x.ts', 'pg'), ['only stores'])
  t.same(typeOnly('endpoints/x/x-endpoint.ts', store), [])
  t.same(typeOnly('endpoints/x/x-endpoint.ts', database), [])
  t.same(typeOnly('pages/x/x-page.tsx', store), [])
  t.match(importFaults('tokens/x.ts', `import { type Pool, types } from 'pg'`), ['only stores'])
})

t.test('planted updates that end rows elsewhere are found', async (t) => {
  for (const sql of [
    'UPDATE grants SET ended_at = now() WHERE id = $1',
    `UPDATE sessions AS s SET used_at = now(),\n  ended_at = now() FROM accounts WHERE s.sub = accounts.sub`,
    'WITH gone AS (update grants set end_reason = $1, ended_at=$2 RETURNING id) SELECT FROM gone',
  ])
    t.same(endingFaults('tokens/x-store.ts', sql), [`tokens/x-store.ts sets ended_at: only ${endsRows} does`], sql)
  for (const sql of [
    'UPDATE sessions SET used_at = now() WHERE ended_at IS NULL',
    'UPDATE accounts SET sessions_ended_at = now()',
    'UPDATE grants SET epoch = 1 WHERE ended_at = $1',
  ])
    t.same(endingFaults('tokens/x-store.ts', sql), [], sql)
  const text = readFileSync(join(sources, endsRows), 'utf8')
  t.same(endingFaults(endsRows, text), [])
  t.not(endingFaults('records/x-store.ts', text).length, 0, 'what the file itself does is seen')
})

t.test('planted violations of the rules for names and READMEs are found', async (t) => {
  for (const name of ['records/utils.ts', 'cli/helpers/x.ts', 'platform/common/y.ts', 'html/string-util.ts'])
    t.match(nameFaults([name]), ['the name is too vague'], name)
  t.same(nameFaults(['records/common-passwords.ts', 'protocol/shared-secret.ts']), [])
  t.same(nameFaults(['cli/account.ts', 'records/account.tsx', 'records/accounts.ts']), [
    '2 files are called account: cli/account.ts, records/account.tsx',
  ])
  t.match(readmeFaults('cli', undefined), ['cli has no README.md'])
  t.match(readmeFaults('cli', 'one\ntwo\nthree\nfour\n'), ['4 lines'])
  t.match(readmeFaults('cli', 'line\n'.repeat(16)), ['16 lines'])
  t.same(readmeFaults('cli', 'line\n'.repeat(15)), [])
  t.same(readmeFaults('cli', 'line\n'.repeat(5)), [])
})

t.test('the list of known violations tolerates what it names, and must shrink', async (t) => {
  t.same(judge(['a imports b: why'], ['a imports b']), [])
  t.same(judge(['a imports b: why', 'a imports c: why'], ['a imports b']), ['a imports c: why'])
  t.same(judge([], ['a imports b']), ["'a imports b' is fixed: remove it from the list"])
})

t.test('every source file is imported from an entry point', async (t) => {
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file) || !files.includes(file)) return
    reached.add(file)
    for (const { target } of importsOf(file, readFileSync(join(sources, file), 'utf8'))) visit(target)
  }
  for (const entry of ['main.ts', 'server-worker.ts', ...Object.keys(packages).map((name) => inPackage(`#${name}`))])
    visit(entry)
  t.same(
    files.filter((file) => !reached.has(file)),
    [],
  )
})
