// npm run bench:overload: what happens if ten times as much is sent as can be served. docs/speed.md explains how it is measured.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createChildren } from '../children.js'
import { chooseProcessors } from '../machine.js'
import { residentMemory } from '../process-usage.js'
import { scenarios } from '../scenarios/scenarios.js'
import { createRecords, installation, serveSignet } from '../servers/signet.js'

/** @typedef {import('./crowd.js').Answers} Answers */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    bars: { type: 'boolean', default: false },
    docs: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds)

/** One scenario that needs only a processor, and one that needs the database. */
const chosen = scenarios.filter(({ name }) => ['client-credentials-es256', 'introspection'].includes(name))

/** Connections with which the maximum is found. */
const moderate = 64
/** Seconds that a request may wait in the queue before no other is accepted (src/platform/http/admission.ts). */
const patience = 0.3
/** Each connection takes a file descriptor of the server and one of the crowd. */
const mostConnections = Math.min(18_000, openFiles() - 1_000)

const processors = chooseProcessors()
const children = createChildren()
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.once(signal, () => children.endAll().finally(() => process.exit(130)))
try {
  const results = []
  for (const scenario of chosen) {
    const result = await measure(scenario)
    results.push(result)
    process.stdout.write(textOf(result))
  }
  if (values.docs) writeDocs(results)
  if (values.bars && results.some(({ bars }) => bars.some(({ met }) => !met))) process.exitCode = 1
} catch (error) {
  if (!children.isEnding()) process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
} finally {
  await children.endAll()
}

/** @param {import('../scenarios/scenario.js').Scenario} scenario */
async function measure(scenario) {
  const folder = join(children.folder, scenario.name)
  mkdirSync(folder, { mode: 0o711 })
  const own = await installation(folder)
  const server = await serveSignet(children, processors, own)
  const target = await createRecords(children, own, {
    kind: 'Signet',
    name: 'Signet',
    pid: server.pid,
    database: undefined,
    warmUp: 2,
  })
  const load = await scenario.prepare(target)
  if ('flow' in load) throw new Error(`${scenario.name} is not a single request.`)
  /** @param {number} connections @returns {Promise<Answers>} */
  const send = async (connections) =>
    JSON.parse(
      await children.run({
        ...{ program: process.execPath, args: [join(import.meta.dirname, 'crowd.js')] },
        input: JSON.stringify({ ...load, pid: server.pid, connections, seconds, connectSeconds: 60 }),
        processors: processors?.others,
      }),
    )
  await send(moderate)
  const most = await send(moderate)
  const maximum = rateOf(most)
  const wanted = Math.ceil(10 * maximum * patience)
  const connections = Math.min(mostConnections, wanted)
  const health = probe(own.issuer)
  const over = await send(connections)
  const healthDelays = await health.end()
  await rest(5_000)
  const later = await send(moderate)
  const lost = server.output.split('Heartbeat:').length - 1
  const ready = (await fetch(`${own.issuer}/readyz`)).status
  const after = residentMemory(server.pid)
  await server.end()

  // By processor time, and compared with the time before and after: what else runs on the machine matters less then.
  const usual = (efficiency(most) + efficiency(later)) / 2
  const ratio = efficiency(over) / usual
  const bars = [
    { name: 'served: at least 0.80 of the maximum', met: ratio >= 0.8 },
    { name: 'p99 of what is served: under 1 s', met: over.p99 < 1_000 },
    {
      name: '5 s later: at least 0.90 of the maximum, nothing refused',
      met: efficiency(later) >= 0.9 * efficiency(most) && (later.byStatus['503'] ?? 0) === 0,
    },
    { name: '/readyz 5 s later: 200', met: ready === 200 },
    { name: 'heartbeats lost: none', met: lost === 0 },
  ]
  const figures = {
    'maximum, a second': `${round(maximum)} (${moderate} connections, p99 ${most.p99} ms)`,
    connections: `${connections}: ${round((10 * connections) / wanted)} times what can be served`,
    'until there was a response on each': `${over.settling.toFixed(1)} s`,
    'sent, a second': round(over.sent / over.seconds),
    'served, a second': `${round(rateOf(over))}; by processor time ${ratio.toFixed(2)} of the maximum`,
    'refused with 503, a second': round((over.byStatus['503'] ?? 0) / over.seconds),
    'other responses; connections closed': `${others(over)}; ${over.broken}`,
    'p50, p99, slowest of what was served, ms': `${over.p50}, ${over.p99}, ${over.slowest}`,
    '/healthz p50, p99 on one connection, ms': quantiles(healthDelays.kept),
    '/healthz p50, p99 on new connections, ms': quantiles(healthDelays.fresh),
    'memory before, from, to, 5 s after, MiB': [most.memory[1], ...over.memory, after]
      .map((size) => round(size ?? 0))
      .join(', '),
    'heartbeats lost': lost,
    '5 s later, a second': `${round(rateOf(later))} (p99 ${later.p99} ms), refused ${later.byStatus['503'] ?? 0}`,
  }
  return { title: scenario.title, figures, bars }
}

/** @typedef {Awaited<ReturnType<typeof measure>>} Result */

/** @param {Result} result */
function textOf({ title, figures, bars }) {
  const lines = Object.entries(figures).map(([name, value]) => `  ${name}: ${value}`)
  const judged = bars.map(({ name, met }) => `  ${met ? 'met' : 'NOT MET'}: ${name}`)
  return `\n${[title, ...lines, ...judged].join('\n')}\n`
}

/** @param {Result[]} results */
function writeDocs(results) {
  const file = join(import.meta.dirname, '../../docs/speed.md')
  const names = Object.keys(results[0]?.figures ?? {})
  const row = (/** @type {unknown[]} */ cells) => `| ${cells.join(' | ')} |`
  const table = [
    row(['', ...results.map(({ title }) => title)]),
    row(['---', ...results.map(() => '---')]),
    ...names.map((name) =>
      row([name, ...results.map(({ figures }) => Object.entries(figures).find(([key]) => key === name)?.[1])]),
    ),
    ...(results[0]?.bars ?? []).map(({ name }, index) =>
      row([`bar: ${name}`, ...results.map(({ bars }) => (bars[index]?.met ? 'met' : 'not met'))]),
    ),
  ].join('\n')
  const [begin, end] = [
    '<!-- made by npm run bench:overload (docs): -->',
    '<!-- :made by npm run bench:overload (docs) -->',
  ]
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, `${text.slice(0, text.indexOf(begin))}${begin}\n${table}\n${text.slice(text.indexOf(end))}`)
}

/** Requests served for each second of processor time; without /proc for each second. @param {Answers} answers */
function efficiency({ byStatus, cpu, seconds: measured }) {
  return (byStatus['200'] ?? 0) / (cpu || measured)
}

/** @param {Answers} answers */
function rateOf({ byStatus, seconds: measured }) {
  return (byStatus['200'] ?? 0) / measured
}

/** @param {Answers} answers */
function others({ byStatus }) {
  return Object.entries(byStatus).reduce(
    (sum, [status, count]) => (['200', '503'].includes(status) ? sum : sum + count),
    0,
  )
}

/**
 * Asks for /healthz ten times a second, as a supervisor does: on a new connection each time, and on one that stays open.
 *
 * @param {string} issuer
 */
function probe(issuer) {
  const delays = { kept: /** @type {number[]} */ ([]), fresh: /** @type {number[]} */ ([]) }
  let isEnded = false
  /** @param {number[]} into @param {import('node:http').RequestOptions} options */
  const run = async (into, options) => {
    while (!isEnded) {
      const from = performance.now()
      await new Promise((resolve) => {
        const request = get(`${issuer}/healthz`, options, (response) => response.resume().once('close', resolve))
        request.once('error', resolve)
      })
      into.push(performance.now() - from)
      await rest(100)
    }
  }
  const running = Promise.all([run(delays.kept, {}), run(delays.fresh, { agent: false })])
  return {
    end: async () => {
      isEnded = true
      await running
      return delays
    },
  }
}

/** @param {number[]} delays */
function quantiles(delays) {
  const sorted = [...delays].sort((a, b) => a - b)
  const at = (/** @type {number} */ part) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
  return `${at(0.5)}, ${at(0.99)} (${sorted.length} times)`
}

/** @param {number} milliseconds */
function rest(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** @param {number} value */
function round(value) {
  return Math.round(value)
}

/** The number of files that a process may open. */
function openFiles() {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return Number(limit ?? 1_024)
  } catch {
    return 4_096
  }
}
