import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { packageFolder } from '../src/platform/config/installation-folder.ts'

/** The benchmark is not compiled with the tests, so it is imported from its folder. */
const load = (file: string) => import(pathToFileURL(join(packageFolder, 'bench', file)).href)
const { parseWrk, wrkScript } = (await load('load/wrk.js')) as typeof import('../bench/load/wrk.js')
const { readOptions } = (await load('options.js')) as typeof import('../bench/options.js')
const { rowsOf, barsOf, median } = (await load('results.js')) as typeof import('../bench/results.js')
const { textReport, markdownReport, figure } = (await load('report.js')) as typeof import('../bench/report.js')
const { withReport } = (await load('documentation.js')) as typeof import('../bench/documentation.js')
const { chart } = (await load('chart.js')) as typeof import('../bench/chart.js')
const { processorTime, processTree, residentMemory } = (await load(
  'process-usage.js',
)) as typeof import('../bench/process-usage.js')
const { chooseProcessors } = (await load('machine.js')) as typeof import('../bench/machine.js')
type ServerName = import('../bench/servers/target.js').ServerName
const { selfTimes } = (await load('profile.js')) as typeof import('../bench/profile.js')

const printed = `Running 1s test @ http://127.0.0.1:4000/token
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.05ms  531.62us  13.56ms   96.68%
    Req/Sec    15.79k     1.49k   17.29k    80.00%
  Latency Distribution
     50%  963.00us
     75%    1.07ms
     90%    1.28ms
     99%    2.81ms
  15716 requests in 1.10s, 10.93MB read
Requests/sec:  14286.50
Transfer/sec:      9.94MB
`

t.test('a measurement with a failed response or connection is rejected', async (t) => {
  t.throws(() => parseWrk(printed.replace('Requests/sec', '  Non-2xx or 3xx responses: 7\nRequests/sec')), /^7 answers/)
  const broken = '  Socket errors: connect 0, read 3, write 0, timeout 0\nRequests/sec'
  t.throws(() => parseWrk(printed.replace('Requests/sec', broken)), /read 3/)
  t.throws(() => parseWrk('unable to connect to 127.0.0.1:4000'), /was not understood/)
})

t.test('the output of wrk is parsed with its units', async (t) => {
  t.same(parseWrk(printed), { requests: 15716, seconds: 1.1, perSecond: 14286.5, p50: 0.963, p99: 2.81 })
  t.equal(parseWrk(printed.replace('2.81ms', '1.50s')).p99, 1500)
})

t.test('values cannot break out of the script for wrk', async (t) => {
  const load = { url: '', method: 'POST' as const, headers: { authorization: 'Basic "x"' }, bodies: ['a=1', 'a="2\\'] }
  const script = wrkScript(load)
  t.match(script, 'local headers = { ["authorization"] = "Basic \\"x\\"" }')
  t.match(script, 'local bodies = { "a=1", "a=\\"2\\\\" }')
  t.match(wrkScript({ ...load, authorizations: ['Bearer "y"'] }), 'local authorizations = { "Bearer \\"y\\"" }')
})

t.test('a usage error is explained in one sentence and exits with 2', async (t) => {
  const names = ['refresh', 'userinfo']
  for (const [args, sentence] of [
    [['refesh'], /no scenario refesh: take refresh, userinfo/],
    [['--seconds', '0'], /--seconds takes/],
    [['--seconds', 'soon'], /--seconds takes/],
    [['--profile'], /takes one scenario/],
    [['--profile', 'refresh', 'userinfo'], /takes one scenario/],
    [['--docs', 'refresh'], /takes all scenarios/],
    [['--workers', '1'], /--workers takes/],
    [['--workers', 'auto'], /--workers takes/],
    [['--fast'], /--fast/],
  ] as const)
    t.throws(() => readOptions(args, names), sentence)
  t.match(readOptions([], names), { scenarios: names, seconds: 3, profile: false })
  t.match(readOptions(['userinfo', 'userinfo', '--seconds', '1'], names), { scenarios: ['userinfo'], seconds: 1 })
  t.match(readOptions(['--workers', '2', '--baseline', '../main'], names), { workers: 2, baseline: '../main' })

  const bench = spawnSync(process.execPath, [join(packageFolder, 'bench/bench.js'), 'refesh'], { encoding: 'utf8' })
  t.match(bench, { status: 2, stdout: '', stderr: /^bench: There is no scenario refesh/ })
})

/** One round. */
const round = (perSecond: number, cpu: number | undefined, needed: Partial<Needed> = {}) => ({
  ...{ requests: perSecond, seconds: 1, perSecond, p50: 1, p99: 2, cpu },
  ...{ postgresCpu: undefined, commits: undefined, walBytes: undefined },
  ...needed,
})
type Needed = Record<'postgresCpu' | 'commits' | 'walBytes', number | undefined>
const scenario = { name: 'jwk-set', title: 'JWK Set <&>' }
const series = (server: ServerName, rounds: ReturnType<typeof round>[], statements?: number) => ({
  ...{ server, rounds, statements },
})
const rows = rowsOf(scenario, [
  series('floor', [round(4000, 25), round(800, 25), round(4000, 50)]),
  series('oidc-provider', [round(1000, 100), round(200, 100), round(1000, 200)]),
  series('Signet', [round(2000, 50), round(400, 50), round(1000, 100)]),
])
const results = {
  ...{ machine: { processors: 2, model: 'a', platform: 'linux', node: 'v20' }, setting: {}, rows },
  ...{ start: { first: 900, later: 300 }, memory: [{ server: 'Signet' as const, atRest: 120, afterLoad: 130 }] },
}

t.test('ratios are computed within a round, so that a round in which everything is slow changes none', async (t) => {
  t.match(rows[2], { perSecond: 1000, cpu: 50, ofPeer: 2, ofFloor: 0.5, cpuOfPeer: 2, cpuOfFloor: 0.5, cpuOfOne: 1 })
  const alone = rowsOf(scenario, [series('Signet', [round(10, undefined)])])
  t.match(alone, [{ perSecond: 10, cpu: undefined, ofPeer: undefined, cpuOfFloor: undefined, cpuOfBefore: undefined }])
  t.equal(median([1, undefined]), undefined)
  t.equal(median([3, 1, 2, 10]), 2.5)
})

t.test('a bar is judged by the processor time that was measured, and is omitted if none was', async (t) => {
  t.same(barsOf(results), [
    { bar: 'JWK Set: at least 0.70 of the floor', measured: 0.5, met: false },
    { bar: 'memory at rest: at most 110 MiB', measured: 120, met: false },
    { bar: 'memory after the load: at most 160 MiB', measured: 130, met: true },
  ])
  const fast = rowsOf(scenario, [series('floor', [round(4000, undefined)]), series('Signet', [round(4000, undefined)])])
  t.same(barsOf({ ...results, rows: fast, memory: [] }), [])
})

t.test('only Signet in one process has the bars, and workers have their own', async (t) => {
  const machines = { name: 'client-credentials-es256', title: 'client_credentials' }
  const measured = rowsOf(machines, [
    series('floor', [round(400, 80)]),
    series('Signet, before', [round(10, 1000)]),
    series('Signet', [round(100, 100)]),
    series('Signet, 2 workers', [round(170, 120)]),
    series('Keycloak', [round(10, 1)]),
  ])
  t.match(measured[2], { cpuOfBefore: 10 })
  t.equal(measured[4]?.cpuOfBefore, undefined)
  const memory = [{ server: 'Signet, 2 workers' as const, atRest: 250, eachAtRest: 90, afterLoad: 300 }]
  const few = barsOf({ ...results, rows: measured, memory })
  t.match(few, [
    { bar: /^client_credentials.*floor/, measured: 0.8, met: true },
    { bar: /^Signet, 2 workers, client_credentials: at most 1.1/, measured: 1.2, met: false },
    { bar: /^Signet, 2 workers: at most 110 MiB/, measured: 90, met: true },
  ])
  t.equal(few.length, 3)
  const machine = { ...results.machine, processors: 4 }
  const throughput = barsOf({ ...results, machine, rows: measured, memory }).find(({ bar }) => /throughput/.test(bar))
  t.match(throughput, { measured: 1.7, met: false })
})

t.test('the table is aligned and shows a dash for a missing value', async (t) => {
  const report = textReport({ ...results, bars: barsOf(results) })
  const table = report.split('\n').filter((line) => /floor|oidc-provider {2}|Signet/.test(line))
  t.match(report, /^JWK Set <&> {2}floor .* 4000 /m)
  t.match(report, /^not met {2}JWK Set.*\nnot met {2}memory at rest.*\nmet {6}memory after/m)
  const ends = table.slice(1, 4).map((line) => line.length)
  t.equal(new Set(ends).size, 1, table.join('\n'))
  const alone = rowsOf(scenario, [series('Signet', [round(10, undefined)])])
  t.match(textReport({ ...results, rows: alone, bars: [] }), /Signet {2,}10\.0.*–.*–.*–/)
  t.notMatch(textReport({ ...results, rows: alone, bars: [] }), /WAL|before/)
  const needed = { postgresCpu: 40, commits: 1, walBytes: 1234 }
  const watched = rowsOf(scenario, [
    series('Signet, before', [round(10, 100)]),
    series('Signet', [round(10, 50, needed)], 2.04),
  ])
  t.match(watched[1], { ...needed, statements: 2.04 })
  const both = textReport({ ...results, rows: watched, bars: [] })
  t.match(both, /CPU × before\n/)
  t.match(both, /Signet {2,}40\.0 +2\.0 +1\.00 +1230\n/)
  t.same([0.5, 12.34, 123.4, 12_345].map(figure), ['0.50', '12.3', '123', '12350'])
})

t.test('the report replaces the text between the markers of the page, any number of times', async (t) => {
  const page = readFileSync(join(packageFolder, 'docs/speed.md'), 'utf8')
  const once = withReport(page, markdownReport({ ...results, bars: barsOf(results) }))
  t.match(once, '| JWK Set <&> | floor | 4000 |')
  t.equal(withReport(once, markdownReport({ ...results, bars: barsOf(results) })), once)
  t.equal(withReport(once, 'x').length, withReport(page, 'x').length)
  t.throws(() => withReport('# Speed', 'x'), /no place/)
})

t.test('the chart is well-formed, and the lengths of its bars are proportional to the ratios', async (t) => {
  const bar = (scenario: string, cpuOfPeer: number) => [{ ...rows[2]!, scenario, cpuOfPeer }]
  const svg = chart([...rows, ...bar('b', 4), ...bar('c', 1)])
  const widths = Array.from(svg.matchAll(/<rect class="bar"[^>]* width="([\d.]+)"/g), ([, width]) => Number(width))
  t.same(widths, [240, 480, 120])
  t.match(svg, 'JWK Set &lt;&amp;>')
  const tags = Array.from(svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g), ([, close, name, empty]) => ({
    close,
    name,
    empty,
  }))
  const open: (string | undefined)[] = []
  for (const { close, name, empty } of tags)
    if (close) t.equal(open.pop(), name)
    else if (!empty) open.push(name)
  t.same(open, [])
  t.notMatch(chart([]), /NaN|Infinity|undefined/)
})

t.test('a profile counts only samples within the measurement', async (t) => {
  const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 6 })
  const nodes = [
    { id: 1, callFrame: frame('sign', pathToFileURL('/there/dist/sign.js').href) },
    { id: 2, callFrame: frame('sign', pathToFileURL('/there/dist/sign.js').href) },
    { id: 3, callFrame: frame('', 'node:http') },
  ]
  const profile = { nodes, startTime: 1000, samples: [3, 1, 2, 3, 1], timeDeltas: [50, 100, 100, 150, 1000] }
  t.same(selfTimes(profile, { from: 1100, until: 1500 }, '/there'), [
    { place: 'sign  dist/sign.js:7', microseconds: 200 },
    { place: '(anonymous)  node:http:7', microseconds: 150 },
  ])
})

t.test('the usage of a server includes its child processes, also those that have exited', async (t) => {
  if (process.platform !== 'linux') {
    t.same([processorTime(process.pid), residentMemory(process.pid)], [undefined, undefined])
    return
  }
  t.equal(processorTime(2 ** 30), undefined)
  const before = processorTime(process.pid) ?? 0
  const busy = 'const until = process.cpuUsage().user + 150_000; while (process.cpuUsage().user < until);'
  spawnSync(process.execPath, ['-e', busy])
  t.ok((processorTime(process.pid) ?? 0) - before >= 150_000)

  const parent = spawn(process.execPath, ['-e', `${startChild}; setInterval(() => {}, 1e6)`])
  const [line] = await once(parent.stdout.setEncoding('utf8'), 'data')
  t.same(
    processTree(parent.pid ?? 0)?.map(({ pid }) => pid),
    [parent.pid, Number(line)],
  )
  t.ok((residentMemory(parent.pid ?? 0) ?? 0) > 20)
  process.kill(Number(line))
  parent.kill()
})
const startChild = `const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']); console.log(child.pid)`

t.test('workers get a processor each only if two others remain', async (t) => {
  const chosen = chooseProcessors(2)
  if (chosen) t.equal(chosen.workers.split(',').length, chosen.others.split(',').length >= 2 ? 2 : 1)
  t.same(chooseProcessors()?.server, chosen?.server)
})
