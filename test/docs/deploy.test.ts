import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { readSettings } from '../../src/platform/config/settings.ts'
import { serverLimits } from '../../src/protocol/http/server.ts'

// No container engine is needed here: these tests check what the files say, above all what would be dangerous.

const read = (path: string) => readFileSync(join(packageFolder, path), 'utf8')

interface Service {
  readonly image?: string
  readonly build?: string | { readonly target?: string }
  readonly user?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly restart?: string
  readonly network_mode?: string
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly privileged?: boolean
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
  readonly volumes: Readonly<Record<string, unknown>>
}
const services = Object.entries(compose.services)

t.test('containers are read-only, cannot gain privileges, and only loopback ports are published', async (t) => {
  for (const [name, service] of services) {
    t.match(service, { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] }, name)
    t.notOk(service.privileged, name)
    // Services that are built get their user from the Dockerfile.
    if (service.image !== undefined) t.match(service.user, /^(postgres|[1-9]\d*:[1-9]\d*)$/, name)
    for (const port of service.ports ?? []) t.match(port, /^127\.0\.0\.1:\d+:\d+$/, name)
  }
  t.same(
    services.filter(([, { ports }]) => ports).map(([name]) => name),
    ['proxy'],
    'the others are reached through the proxy',
  )
})

t.test(
  'the file contains no secret, and each secret that is used is declared, ignored by Git and kept out of the image',
  async (t) => {
    for (const [name, { environment = {}, secrets = [] }] of services) {
      for (const [variable, value] of Object.entries(environment)) {
        t.notMatch(value, /:\/\/[^/]*@/, `${name}: ${variable}`)
        if (/PASSWORD|MASTER_KEY|DATABASE_URL|TOKEN$/.test(variable))
          t.match([variable, value], [/_FILE$/, new RegExp(`^/run/secrets/(${secrets.join('|')})$`)], name)
      }
      for (const secret of secrets) t.ok(compose.secrets[secret], `${name}: ${secret}`)
    }
    const made = [...read('deploy/make-secrets.sh').matchAll(/write ([a-z-]+)$/gm)].map(([, secret]) => secret)
    for (const [secret, { file }] of Object.entries(compose.secrets)) {
      t.equal(file, `./deploy/secrets/${secret}`)
      t.ok(made.includes(secret), `make-secrets.sh makes ${secret}`)
    }
    t.match(read('.gitignore'), /^\/deploy\/secrets\/$/m)
    t.ok(isIgnored('deploy/secrets/master-key'))
  },
)

t.test('a secret is written completely or not at all, and an existing one is kept', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const inside of ['bin', 'deploy']) mkdirSync(join(folder, inside))
  writeFileSync(join(folder, 'deploy/make-secrets.sh'), read('deploy/make-secrets.sh'))
  const secret = (name: string) => join(folder, 'deploy/secrets', name)
  const make = (openssl: string) => {
    writeFileSync(join(folder, 'bin/openssl'), `#!/bin/sh\n${openssl}\n`, { mode: 0o755 })
    const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}` }
    return spawnSync('sh', [join(folder, 'deploy/make-secrets.sh')], { env, encoding: 'utf8' })
  }
  const failed = make('exit 1')
  t.not(failed.status, 0)
  t.notMatch(failed.stdout, /The secrets are in/)
  t.notOk(existsSync(secret('master-key')))

  t.equal(make('echo AAAA+/AAAA=').status, 0)
  t.equal(readFileSync(secret('master-key'), 'utf8'), 'AAAA-_AAAA')
  t.equal(statSync(join(folder, 'deploy/secrets')).mode & 0o777, 0o700)
  t.equal(make('echo BBBB').status, 0)
  t.equal(readFileSync(secret('database-url'), 'utf8'), 'postgres://signet:AAAA-_AAAA@database:5432/signet')
})

t.test('everything that services refer to exists', async (t) => {
  for (const [
    name,
    { image, build, volumes = [], depends_on: others = {}, network_mode: mode, healthcheck, restart },
  ] of services) {
    if (build === undefined) t.match(image, /^[a-z]+:\d+$/, `${name}: a major version`)
    else t.equal(image, undefined, `${name}: two builds would compete for one name`)
    for (const volume of volumes) {
      const [source = ''] = volume.split(':')
      t.ok(source.startsWith('./') ? existsSync(join(packageFolder, source)) : source in compose.volumes, volume)
    }
    for (const other of Object.keys(others)) t.ok(other in compose.services, `${name} depends on ${other}`)
    if (mode !== undefined) t.ok(mode.replace('service:', '') in compose.services, mode)
    // A service that runs once has no health check: it is done when it exits.
    if (restart !== 'no') t.ok(healthcheck, `${name} has a health check`)
  }
  const stages = [...read('Dockerfile').matchAll(/^FROM \S+ AS (\S+)/gm)].map(([, stage]) => stage)
  for (const [name, { build }] of services)
    if (typeof build === 'object') t.ok(stages.includes(build.target), `${name}: ${build.target}`)
  t.equal(compose.services['database']?.volumes?.[0], 'database:/var/lib/postgresql', 'since PostgreSQL 18')
})

/** Reads these settings as Signet does, with made-up values for the secrets. */
function start(environment: Readonly<Record<string, string>>) {
  const entries = Object.entries(environment).map(([name, value]) => {
    if (name === 'SIGNET_DATABASE_URL_FILE')
      return ['SIGNET_DATABASE_URL', 'postgres://signet:password@database/signet']
    if (name === 'SIGNET_MASTER_KEY_FILE') return ['SIGNET_MASTER_KEY', 'k'.repeat(43)]
    return [name, value]
  })
  return readSettings(Object.fromEntries(entries), '/nowhere')
}

t.test('Signet accepts the settings of the image, of Compose, of Kubernetes and of the service', async (t) => {
  const image = Object.fromEntries(
    [...read('Dockerfile').matchAll(/^ENV (.*)$/gm)].flatMap(([, line = '']) =>
      line.split(' ').map((pair) => pair.split('=')),
    ),
  ) as Record<string, string>
  t.match(start({ ...image, SIGNET_ISSUER: 'http://localhost:8080' }), { host: '0.0.0.0', port: 4000 })

  for (const [name, { environment = {} }] of services)
    if (environment['SIGNET_ISSUER'])
      t.match(start({ ...image, ...environment }), { issuer: 'http://localhost:4000' }, name)
  t.same(compose.services['signet-1'], compose.services['signet-2'])
  for (const node of ['signet-1', 'signet-2']) t.match(read('deploy/proxy/Caddyfile'), `${node}:4000`)

  const unit = read('deploy/signet.service')
  const names = [...unit.matchAll(/\b(SIGNET_[A-Z_]+)=/g)].map(([, name = '']) => [name, '/somewhere'])
  t.equal(names.length, 4)
  // Keys and e-mails: the rest of the file system is read-only for it.
  for (const folder of ['SIGNET_KEYS_DIR', 'SIGNET_DATA_DIR']) t.match(unit, `${folder}=%S/signet`)
  t.ok(start(Object.fromEntries(names)))
  t.notMatch(unit, /^MemoryDenyWriteExecute/m)
})

t.test('Kubernetes pods are confined and probed, and Signet accepts their settings', async (t) => {
  const documents = parseAllDocuments(read('deploy/kubernetes.yaml')).map((document) => document.toJS())
  t.same(
    documents.map(({ kind }) => kind),
    ['Deployment', 'Service', 'PodDisruptionBudget'],
  )
  const [deployment, service, budget] = documents
  const pod = deployment.spec.template.spec
  const [container] = pod.containers
  t.ok(
    start(Object.fromEntries(container.env.map(({ name, value }: { name: string; value: string }) => [name, value]))),
  )
  t.match(pod, { enableServiceLinks: false, securityContext: { runAsNonRoot: true } })
  t.match(container.securityContext, { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false })
  t.match(container, {
    readinessProbe: { httpGet: { path: '/readyz' } },
    livenessProbe: { httpGet: { path: '/healthz' } },
    startupProbe: { httpGet: { path: '/healthz' } },
  })
  for (const { selector } of [service.spec, { selector: budget.spec.selector.matchLabels }])
    t.same(selector, deployment.spec.template.metadata.labels)
})

t.test('the image runs as a numeric user that is not root, on a slim Node image, without secrets', async (t) => {
  const text = read('Dockerfile').replaceAll('\\\n', '')
  const stages = text.split(/^(?=FROM )/m).slice(1)
  for (const [, image = '', name] of text.matchAll(/^FROM (\S+)(?: AS (\S+))?/gm))
    t.match(image, name === 'demo' ? /^build$/ : /^node:\d+-slim$/, image)
  for (const stage of [stages.find((each) => / AS demo$/m.test(each)), stages.at(-1)])
    t.match(stage?.match(/^USER .*$/gm), [/^USER [1-9]\d*:[1-9]\d*$/])
  t.notMatch(text, /:latest|^ADD |^(ENV|ARG) .*(KEY|PASSWORD|SECRET|TOKEN)=/m)
  t.match(
    stages.at(-1),
    /^ENTRYPOINT \["node", "--max-semi-space-size=8", "\/app\/dist\/main\.js"\]\nCMD \["serve"\]$/m,
  )
})

t.test('the image, the systemd unit and the benchmark use memory in the same way', async (t) => {
  const expected = ['MALLOC_ARENA_MAX=1', 'MALLOC_MMAP_THRESHOLD_=33554432', 'MALLOC_TRIM_THRESHOLD_=47185920']
  const { memory, flags } = (await import(
    join(packageFolder, 'bench/servers/memory.js')
  )) as typeof import('../../bench/servers/memory.js')
  t.same(
    Object.entries(memory).map(([name, value]) => `${name}=${value}`),
    expected,
  )
  for (const file of ['Dockerfile', 'deploy/signet.service']) t.ok(read(file).includes(expected.join(' ')), file)
  for (const file of ['Dockerfile', 'deploy/signet.service', 'package.json'])
    for (const flag of flags) t.ok(read(file).includes(flag), `${file}: ${flag}`)
})

t.test('every file that the Dockerfile copies exists and reaches the builder', async (t) => {
  t.ok(copiedBy(read('Dockerfile')).length > 8)
  t.same(faultsOfCopies(read('Dockerfile'), read('.dockerignore')), [])
  const secrets = ['.env', 'keys/master.key', '.git/config', '.signet/postgresql', 'node_modules/pg', 'deploy/.env']
  for (const path of [...secrets, 'packages/verify/node_modules/pg', 'packages/verify/dist/index.js'])
    t.ok(isIgnored(path), `${path} does not`)
})

t.test('a source that the Dockerfile cannot copy is found', async (t) => {
  const ignored = read('.dockerignore')
  const missing = read('Dockerfile').replace('COPY packages packages', 'COPY packages lib/verify ./')
  t.same(faultsOfCopies(missing, ignored), ['lib/verify is not there', 'lib/verify is ignored'])
  t.same(faultsOfCopies(read('Dockerfile'), ignored.replace('!packages\n', '')), ['packages is ignored'])
  t.same(faultsOfCopies(read('Dockerfile'), `${ignored}\npackages/*/src\n`), [
    'packages/local-postgres/src/local-postgres.ts is ignored',
    'packages/verify/src/index.ts is ignored',
  ])
  const unpacked = read('Dockerfile').replace('COPY packages packages\n', '')
  t.same(faultsOfCopies(unpacked, ignored), ['packages/local-postgres is not copied', 'packages/verify is not copied'])
})

/** The paths that a Dockerfile copies from the checkout, without copies between stages. */
function copiedBy(dockerfile: string): string[] {
  const copies = dockerfile.replaceAll('\\\n', '').matchAll(/^COPY (?!--from)(.*) \S+$/gm)
  return [...copies].flatMap(([, sources = '']) => sources.split(' '))
}

/** Why the image cannot be built from these two files. */
function faultsOfCopies(dockerfile: string, dockerignore: string): string[] {
  const copied = [...new Set(copiedBy(dockerfile))]
  const packages = readdirSync(join(packageFolder, 'packages'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `packages/${name}`)
  // The build reads this file of each package first.
  const entries = packages.map((folder) => {
    const { exports } = JSON.parse(read(`${folder}/package.json`))
    return join(folder, exports['.']['signet-source'])
  })
  const isCopied = (path: string) => copied.some((source) => path === source || path.startsWith(`${source}/`))
  return [
    ...copied.filter((path) => !existsSync(join(packageFolder, path))).map((path) => `${path} is not there`),
    ...copied.filter((path) => isIgnored(path, dockerignore)).map((path) => `${path} is ignored`),
    ...packages.filter((path) => !isCopied(path)).map((path) => `${path} is not copied`),
    ...entries
      .filter((path) => isCopied(path) && !isIgnored(dirname(dirname(path)), dockerignore))
      .filter((path) => isIgnored(path, dockerignore))
      .map((path) => `${path} is ignored`),
  ]
}

/** Whether .dockerignore hides a path from the builder. The last matching line decides, and a folder's line applies to its contents. */
function isIgnored(path: string, dockerignore = read('.dockerignore')): boolean {
  const lines = dockerignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const prefixes = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))
  const fits = (line: string) => {
    const pattern = line
      .replace(/^!/, '')
      .replaceAll('.', '\\.')
      .replaceAll('**/', '(.*/)?')
      .replace(/(?<!\.)\*/g, '[^/]*')
    return prefixes.some((prefix) => new RegExp(`^${pattern}$`).test(prefix))
  }
  return lines.findLast(fits)?.startsWith('!') === false
}

t.test('the indexes that can be built before an upgrade are those of the migrations', async (t) => {
  const spaces = (text: string) => text.replace(/\s+/g, ' ')
  const folder = join(packageFolder, 'sql')
  const migrations = spaces(
    readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n'),
  )
  const page = readFileSync(join(packageFolder, 'docs/deploy.md'), 'utf8')
  const named = page.match(/CREATE INDEX CONCURRENTLY[^;]+;/g) ?? []
  t.ok(named.length > 5)
  for (const statement of named) {
    const locking = spaces(statement.replace(' CONCURRENTLY', ''))
    t.ok(migrations.includes(locking), locking)
  }
})

t.test('the docs state how long a new connection may take for its first request', async (t) => {
  const { headersTimeout, connectionsCheckingInterval } = serverLimits
  const seconds = [headersTimeout, headersTimeout + connectionsCheckingInterval].map((limit) => limit / 1000)
  const time = `${seconds.join(' to ')} seconds`
  const [, idle = ''] = read('docs/deploy.md').split('### Idle connections')
  t.ok(idle.slice(0, idle.indexOf('###')).includes(`has ${time} for its first one`), 'docs/deploy.md')
  const setting = read('docs/settings.md')
    .split('\n')
    .find((line) => line.startsWith('| `SIGNET_KEEP_ALIVE_TIMEOUT`'))
  t.ok(setting?.includes(`its first request must arrive within ${time}`), 'docs/settings.md')
  t.ok(
    read('docs/endpoints.md')
      .replace(/\s+/g, ' ')
      .includes(`On a new connection, the first request must arrive within ${time}`),
    'docs/endpoints.md',
  )
})
