// npm run bench: measures Signet, oidc-provider and the floor in one run on one machine. Read the ratios, not the absolute numbers.
// docs/speed.md explains how.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chart } from './chart.js'
import { createChildren } from './children.js'
import { writeDocumentation } from './documentation.js'
import { createLoader } from './load/load.js'
import { chooseProcessors, describeMachine } from './machine.js'
import { countedSeconds, measure, memoryAtRest, rounds, warmUp } from './measure.js'
import { readOptions, usage, WrongUsage } from './options.js'
import { residentMemory } from './process-usage.js'
import { profileReport } from './profile.js'
import { createProgress } from './progress.js'
import { textReport } from './report.js'
import { barsOf, median, rowsOf } from './results.js'
import { scenarios } from './scenarios/scenarios.js'
import { startHydra } from './servers/hydra.js'
import { startKeycloak } from './servers/keycloak.js'
import { externalDatabase } from './servers/postgresql.js'
import { createRecords, installation, serveSignet, serveWatched } from './servers/signet.js'
import { startComparison } from './servers/start-comparison.js'
import { secondsToCompile } from './servers/target.js'

/** @typedef {import('./options.js').Options} Options */
/** @typedef {import('./results.js').Results} Results */
/** @typedef {import('./servers/target.js').Target} Target */
/** @typedef {import('./servers/target.js').ServerName} ServerName */

const names = scenarios.map(({ name }) => name)
const options = optionsOrEnd()
const chosen = scenarios.filter(({ name }) => options.scenarios.includes(name))
const processors = chooseProcessors(options.workers)
const hasPeers = Boolean(process.env['BENCH_HYDRA'] || process.env['BENCH_KEYCLOAK'])
const children = createChildren()
const loader = createLoader(children, processors?.others)

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.once(signal, () => children.endAll().finally(() => process.exit(130)))
try {
  if (options.profile) await profile()
  else await compare()
} catch (error) {
  // A process that fails because it was asked to stop is not an error.
  if (!children.isEnding()) process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
} finally {
  await children.endAll()
}

/** @returns {Options} */
function optionsOrEnd() {
  try {
    const read = readOptions(process.argv.slice(2), names)
    if (read !== 'help') return read
    process.stdout.write(usage(names))
    process.exit(0)
  } catch (error) {
    if (!(error instanceof WrongUsage)) throw error
    process.stderr.write(`bench: ${error.message}\n`)
    process.exit(2)
  }
}

async function compare() {
  const whole = chosen.length === scenarios.length
  const needsDatabase = chosen.some(({ servers }) => servers.includes('Signet, external'))
  const database = needsDatabase || hasPeers ? await externalDatabase(children, processors) : undefined
  const start = whole ? await measureStart() : undefined
  /** @type {Target[]} */
  const targets = [
    await startComparison('floor', children, processors),
    await startComparison('oidc-provider', children, processors),
  ]
  /** @type {Pick<Results['memory'][number], 'server' | 'atRest' | 'eachAtRest'>[]} */
  const memory = [{ server: 'oidc-provider', ...(await memoryAtRest(targets[1]?.pid ?? 0)) }]

  /** @param {ServerName} name @param {{ checkout?: string, workers?: number }} [options] */
  const startSignet = async (name, options) => {
    const own = await installation(folderFor(name.replaceAll(/\W+/g, '-')), options)
    const running = await serveWatched(children, processors, own)
    memory.push({ server: name, ...(await memoryAtRest(running.pid)) })
    targets.push(
      await createRecords(children, own, {
        ...{ kind: 'Signet', name, ...running },
        // Each process compiles the code.
        warmUp: secondsToCompile * (options?.workers ?? 1),
      }),
    )
  }
  if (options.baseline !== undefined) await startSignet('Signet, before', { checkout: resolve(options.baseline) })
  await startSignet('Signet')
  if (options.workers !== undefined)
    await startSignet(`Signet, ${options.workers} workers`, { workers: options.workers })
  if (database && needsDatabase) {
    const kind = 'Signet, external'
    const databaseUrl = process.env['BENCH_DATABASE_URL'] ?? (await database.create('signet'))
    const own = await installation(folderFor('signet-external'), { databaseUrl })
    const { pid } = await serveSignet(children, processors, own)
    const watch = await database.watch(databaseUrl)
    targets.push(
      await createRecords(children, own, { kind, name: kind, pid, database: watch, warmUp: secondsToCompile }),
    )
  }
  for (const startPeer of [startHydra, startKeycloak]) {
    const started = await startPeer(children, processors, database)
    if (!started) continue
    memory.push({ server: started.name, ...(await memoryAtRest(started.pid)) })
    targets.push(started)
  }

  const seconds = targets.reduce((sum, target) => sum + target.warmUp + countedSeconds + rounds * options.seconds, 0)
  const progress = createProgress(process.stderr, chosen.length, seconds)
  const rows = []
  for (const scenario of chosen) {
    progress.next(scenario.title)
    rows.push(...rowsOf(scenario, await measure(scenario, targets, loader, options.seconds, progress.report)))
  }
  progress.end()

  const pidOf = (/** @type {ServerName} */ server) => targets.find(({ name }) => name === server)?.pid ?? 0
  const measured = {
    ...{ machine: describeMachine(), setting: settingOf(database?.version), rows, start },
    memory: memory.map((one) => ({ ...one, afterLoad: residentMemory(pidOf(one.server)) })),
  }
  const results = { ...measured, bars: barsOf(measured) }
  process.stdout.write(textReport(results))
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)
  if (options.chart !== undefined) writeFileSync(options.chart, chart(rows))
  if (options.docs) writeDocumentation(results)
  if (options.bars && results.bars.some(({ met }) => !met)) process.exitCode = 1
}

/** Milliseconds from the start of the process until it is ready: first in empty folders, then again in the same ones (median of five). */
async function measureStart() {
  const made = await installation(folderFor('start'))
  const times = []
  for (let turn = 0; turn < 6; turn++) {
    const server = await serveSignet(children, processors, made)
    times.push(server.readyAfter)
    await server.end()
  }
  const [first = 0, ...later] = times
  return { first, later: median(later) ?? 0 }
}

async function profile() {
  const [scenario] = chosen
  if (!scenario) return
  const folder = mkdtempSync(join(tmpdir(), 'signet-profile-'))
  const own = await installation(folderFor('signet'))
  const flags = ['--cpu-prof', '--cpu-prof-interval', '250', '--cpu-prof-dir', folder]
  const signet = await serveSignet(children, processors, own, flags)
  const target = await createRecords(children, own, {
    ...{ kind: 'Signet', name: 'Signet', pid: signet.pid, database: undefined, warmUp: 2 * secondsToCompile },
  })
  const load = await scenario.prepare(target)
  await warmUp(target, load, loader)
  const monotonic = () => Number(process.hrtime.bigint() / 1_000n)
  const from = monotonic()
  const { requests, perSecond } = await loader.send(load, options.seconds)
  const window = { from, until: monotonic() }
  await signet.end()
  process.stdout.write(`${scenario.title}: ${Math.round(perSecond)} a second while profiled\n\n`)
  process.stdout.write(profileReport(folder, window, requests))
}

/** @param {string | undefined} postgresql */
function settingOf(postgresql) {
  const placed = processors
    ? `the measured server alone on one; load generator and PostgreSQL on ${processors.others.split(',').length} other`
    : 'not assigned'
  return {
    'use of processors': placed,
    'load generator': loader.name,
    'each figure': `the median of ${rounds} rounds of ${options.seconds} s, the servers taking turns`,
    ...(postgresql !== undefined && { 'external PostgreSQL': postgresql }),
  }
}

/** @param {string} name */
function folderFor(name) {
  const folder = join(children.folder, name)
  mkdirSync(folder, { mode: 0o711 })
  return folder
}
