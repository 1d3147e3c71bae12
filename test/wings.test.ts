import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { parseSync } from 'oxc-parser'
import t from 'tap'
import { packageFolder } from '../src/platform/config/installation-folder.ts'

/** docs/architecture.md: imports go down only. A file directly in src/ counts as the top, but for the type that all are handed. */
const wings = ['cli', 'endpoints', 'operations', 'tokens', 'key-ring', 'records', 'platform', 'verify']
const sources = join(packageFolder, 'src')
const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))

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
}

/** Why an import is not allowed; undefined where it is. */
function fault(file: string, target: string): string | undefined {
  const [wing = '', room] = file.split('/')
  const [targetWing = '', targetRoom] = target.split('/')
  const own = files.includes(target)
  if (!own) {
    if (wing === 'operations' && target.startsWith('fastify')) return 'operations know nothing of HTTP'
    if (target === 'pg' && !/-store\.ts$/.test(file) && !file.startsWith('platform/database/'))
      return 'only stores may import pg'
    if (target === 'jose' && !/^(platform\/jwt|key-ring|verify)\//.test(file))
      return 'only platform/jwt, key-ring and verify may import jose'
    return wing === 'verify' && !target.startsWith('node:') && target !== 'fastify'
      ? 'verify stands by itself'
      : undefined
  }
  if (target === 'signet.ts' || !file.includes('/')) return undefined
  if (!target.includes('/')) return wing === 'cli' ? undefined : 'nothing below the top may import it'
  if (/-endpoint\.ts$/.test(target)) return 'only app.ts may import an endpoint'
  if (wing === 'verify' && targetWing !== 'verify') return 'verify stands by itself'
  if (wing === 'endpoints' && targetWing === 'endpoints' && room !== targetRoom) return 'no endpoint may import another'
  return targetWing === 'verify' || wings.indexOf(targetWing) >= wings.indexOf(wing)
    ? undefined
    : 'imports go down only'
}

function faultsOf(file: string, text: string): string[] {
  return importsOf(file, text).flatMap((target) => {
    const why = fault(file, target)
    return why ? [`${file} imports ${target}: ${why}`] : []
  })
}

t.test('imports go down only, and each room keeps to what it may know', async (t) => {
  t.ok(files.length > 50, 'the sources are found')
  t.same(
    files.flatMap((file) => faultsOf(file, readFileSync(join(sources, file), 'utf8'))),
    [],
  )
})

t.test('planted faults are found', async (t) => {
  const planted: [string, string, string][] = [
    ['platform/clock.ts', `import { issueIdToken } from '../tokens/id-token.ts'`, 'imports go down only'],
    ['records/x.ts', `export { jwkSet } from '../key-ring/jwk-set.ts'`, 'imports go down only'],
    ['records/x.ts', `await import('../key-ring/jwk-set.ts')`, 'imports go down only'],
    ['records/x.ts', `import type { KeyRing } from '../key-ring/key-ring.ts'`, 'imports go down only'],
    ['tokens/x.ts', `import pg from 'pg'`, 'only stores may import pg'],
    ['tokens/x.ts', `import { SignJWT } from 'jose'`, 'only platform/jwt'],
    ['endpoints/token/x.ts', `import { codeOf } from '../jwks/jwks-endpoint.ts'`, 'only app.ts'],
    ['endpoints/token/x.ts', `import { metadata } from '../discovery/metadata.ts'`, 'no endpoint may import another'],
    ['operations/x.ts', `import type { FastifyReply } from 'fastify'`, 'operations know nothing of HTTP'],
    ['tokens/x.ts', `import { signOut } from '../operations/own-sessions.ts'`, 'imports go down only'],
    ['verify/x.ts', `import { digest } from '../platform/secrets/digest.ts'`, 'verify stands by itself'],
    ['verify/x.ts', `import fastify from 'some-package'`, 'verify stands by itself'],
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
    for (const entrance of ['main.ts', 'verify/index.ts']) visit(entrance)
    t.same(
      files.filter((file) => !reached.has(file)),
      [],
    )
  },
)
