import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'oxc-parser'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

const main = resolve(packageFolder, 'src/main.ts')

/** The packages that a module loads, directly or through our own modules. Types are not loaded. */
function packagesOf(file: string, seen = new Set<string>()): Set<string> {
  const packages = new Set<string>()
  if (seen.has(file)) return packages
  seen.add(file)
  const { module } = parseSync(file, readFileSync(file, 'utf8'))
  const imported = module.staticImports
    .filter(({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType))
    .map(({ moduleRequest }) => moduleRequest.value)
  const exported = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest, isType }) => (moduleRequest && !isType ? [moduleRequest.value] : [])),
  )
  for (const name of [...imported, ...exported]) {
    // `#…` are our own packages, in their built form.
    const own = name.startsWith('.')
      ? resolve(dirname(file), name)
      : name.startsWith('#')
        ? fileURLToPath(import.meta.resolve(name))
        : undefined
    if (own) for (const found of packagesOf(own, seen)) packages.add(found)
    else if (!name.startsWith('node:')) packages.add(name)
  }
  return packages
}

t.test('until a command runs, the only package loaded is commander', async (t) => {
  t.same([...packagesOf(main)], ['commander'])
})

t.test('the check finds the packages that a server start loads', async (t) => {
  const found = packagesOf(resolve(dirname(main), 'start.ts'))
  for (const name of ['pg', 'argon2', 'jose']) t.ok(found.has(name), name)
})

t.test('a start of the server does not load packages that it may never need', async (t) => {
  const found = new Set(['start.ts', 'app.ts'].flatMap((name) => [...packagesOf(resolve(dirname(main), name))]))
  for (const name of ['undici', 'sharp', 'nodemailer', 'graphile-worker', '@simplewebauthn/server'])
    t.notOk(found.has(name), name)
})
