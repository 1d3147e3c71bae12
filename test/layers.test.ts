import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { parseSync } from 'oxc-parser'
import t from 'tap'
import { packageFolder } from '../src/platform/config/installation-folder.ts'

/** docs/architecture.md: imports go down only. A file directly in src/ counts as the top, except for the type that every function is handed. */
const layers = [
  ...['cli', 'endpoints', 'pages', 'interaction', 'operations', 'tokens', 'key-ring', 'records', 'protocol', 'html'],
  'platform',
]

/** The packages, and what each may import beside Node's own modules and its own files. Any layer may import a package. */
const packages: Record<string, readonly string[]> = { verify: ['fastify'], 'local-postgres': ['pg'] }

/** They stand side by side: none of them imports another. */
const doors = ['cli', 'endpoints', 'pages']
const sources = join(packageFolder, 'src')
const files = ['.', ...Object.keys(packages).map((name) => `../packages/${name}/src`)].flatMap((folder) =>
  readdirSync(join(sources, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => join(folder, file)),
)

/** What `imports` of package.json calls our packages, by their paths from src/. */
function inPackage(name: string): string {
  const [, folder, module] = /^#([^/]+)\/?(.*)$/.exec(name) ?? []
  const entry = folder === 'verify' ? 'index' : folder
  return `../packages/${folder}/src/${module || entry}.ts`
}

/** What a module imports, types too: packages by name, our own files by their path from src/. */
function importsOf(file: string, text: string): string[] {
  const { module } = parseSync(file, text)
  const imported = module.staticImports.map(({ moduleRequest }) => moduleRequest.value)
  const exported = module.staticExports.flatMap(({ entries }) =>
    entries.map(({ moduleRequest }) => moduleRequest?.value),
  )
  const dynamic = module.dynamicImports.map(({ moduleRequest }) =>
    text.slice(moduleRequest.start + 1, moduleRequest.end - 1),
  )
  return [...imported, ...exported, ...dynamic]
    .filter((value) => value !== undefined)
    .map((value) => (value.startsWith('.') ? relative(sources, resolve(sources, dirname(file), value)) : value))
    .map((value) => (value.startsWith('#') ? inPackage(value) : value))
}

/** Why an import is not allowed; undefined where it is. */
function fault(file: string, target: string): string | undefined {
  const [layer = '', folder] = file.split('/')
  const [targetLayer = '', targetFolder] = target.split('/')
  const own = files.includes(target)
  if (layer === '..') return faultInPackage(file, target)
  // The name of a package in the workspace would end in a tarball that lacks it.
  if (/^signet-/.test(target)) return 'a package is imported as #verify or #local-postgres'
  if (target.startsWith('../')) return own ? undefined : 'there is no such module in a package'
  if (!own) {
    if (layer === 'operations' && target.startsWith('fastify')) return 'operations know nothing of HTTP'
    if (target === 'pg' && !/-store\.ts$/.test(file) && !file.startsWith('platform/database/'))
      return 'only stores may import pg'
    if (target === 'jose' && !/^(platform\/jwt|protocol|key-ring)\//.test(file))
      return 'only platform/jwt, protocol and key-ring may import jose'
    return undefined
  }
  if (target === 'signet.ts' || !file.includes('/')) return undefined
  if (!target.includes('/')) return layer === 'cli' ? undefined : 'nothing below the top may import it'
  if (/-endpoint\.ts$/.test(target)) return 'only app.ts may import an endpoint'
  if (doors.includes(layer) && doors.includes(targetLayer) && layer !== targetLayer)
    return 'commands, endpoints and pages do not import each other'
  if ((layer === 'endpoints' || layer === 'pages') && targetLayer === layer && folder !== targetFolder)
    return 'no endpoint or page may import another'
  return layers.indexOf(targetLayer) >= layers.indexOf(layer) ? undefined : 'imports go down only'
}

/** A package stands by itself: what it imports of Signet or of another package would be missing where it is installed alone. */
function faultInPackage(file: string, target: string): string | undefined {
  const [, , name = ''] = file.split('/')
  const allowed = target.startsWith('node:') || target.startsWith(`../packages/${name}/src/`)
  return allowed || packages[name]?.includes(target) ? undefined : `${name} stands by itself`
}

function faultsOf(file: string, text: string): string[] {
  return importsOf(file, text).flatMap((target) => {
    const why = fault(file, target)
    return why ? [`${file} imports ${target}: ${why}`] : []
  })
}

t.test('imports go down only, and each layer imports only what it may', async (t) => {
  t.ok(files.length > 50, 'the sources are found')
  t.same(
    files.flatMap((file) => faultsOf(file, readFileSync(join(sources, file), 'utf8'))),
    [],
  )
})

t.test('planted faults are found', async (t) => {
  const planted: [string, string, string][] = [
    ['platform/clock.ts', `import { issueIdToken } from '../tokens/id-token.ts'`, 'imports go down only'],
    ['records/x.ts', `export { jwkSet } from '../key-ring/key-snapshot.ts'`, 'imports go down only'],
    ['records/x.ts', `await import('../key-ring/key-snapshot.ts')`, 'imports go down only'],
    ['records/x.ts', `import type { KeyRing } from '../key-ring/key-ring.ts'`, 'imports go down only'],
    ['tokens/x.ts', `import pg from 'pg'`, 'only stores may import pg'],
    ['tokens/x.ts', `import { SignJWT } from 'jose'`, 'only platform/jwt'],
    ['endpoints/token/x.ts', `import { codeOf } from '../jwks/jwks-endpoint.ts'`, 'only app.ts'],
    [
      'endpoints/token/x.ts',
      `import { metadata } from '../discovery/metadata.ts'`,
      'no endpoint or page may import another',
    ],
    [
      'pages/consent/x.ts',
      `import { SignInPage } from '../sign-in/sign-in-page.tsx'`,
      'no endpoint or page may import another',
    ],
    [
      'pages/consent/x.ts',
      `import { metadata } from '../../endpoints/discovery/metadata.ts'`,
      'do not import each other',
    ],
    ['operations/x.ts', `import type { FastifyReply } from 'fastify'`, 'operations know nothing of HTTP'],
    ['tokens/x.ts', `import { signOut } from '../operations/own-sessions.ts'`, 'imports go down only'],
    [
      '../packages/verify/src/x.ts',
      `import { digest } from '../../../src/platform/secrets/digest.ts'`,
      'verify stands',
    ],
    ['../packages/verify/src/x.ts', `import fastify from 'some-package'`, 'verify stands by itself'],
    ['../packages/verify/src/x.ts', `import { joinLocalPostgres } from '#local-postgres'`, 'verify stands by itself'],
    ['../packages/local-postgres/src/x.ts', `import { signet } from 'signet-idp'`, 'local-postgres stands by itself'],
    ['tokens/x.ts', `import { createVerifier } from 'signet-verify'`, 'imported as #verify'],
    ['tokens/x.ts', `import { parseJson } from '#verify/no-such-module'`, 'no such module'],
    ['tokens/x.ts', `import { buildApp } from '../app.ts'`, 'nothing below the top'],
  ]
  for (const [file, text, why] of planted) t.match(faultsOf(file, text), [why], `${file}: ${text}`)
})

t.test(
  'nothing lies about: every source is reached from the program, the verifier, or the type that all are handed',
  async (t) => {
    const reached = new Set<string>()
    const visit = (file: string): void => {
      if (reached.has(file) || !files.includes(file)) return
      reached.add(file)
      for (const target of importsOf(file, readFileSync(join(sources, file), 'utf8'))) visit(target)
    }
    for (const entrance of ['main.ts', ...Object.keys(packages).map((name) => inPackage(`#${name}`))]) visit(entrance)
    t.same(
      files.filter((file) => !reached.has(file)),
      [],
    )
  },
)
