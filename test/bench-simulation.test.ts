// Own process: it simulates for some seconds.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { packageFolder } from '../src/platform/config/installation-folder.ts'

/** The benchmark is not compiled with the tests, so it is imported from its folder. */
const load = (file: string) => import(pathToFileURL(join(packageFolder, 'bench/simulation', file)).href)
const { createClock } = (await load('clock.js')) as typeof import('../bench/simulation/clock.js')
const { createStation } = (await load('station.js')) as typeof import('../bench/simulation/station.js')
const { createRandom, exponential } = (await load('random.js')) as typeof import('../bench/simulation/random.js')
const { simulate } = (await load('simulate.js')) as typeof import('../bench/simulation/simulate.js')
const { costsOf } = (await load('costs.js')) as typeof import('../bench/simulation/costs.js')
const { planFor, curveOf } = (await load('plan.js')) as typeof import('../bench/simulation/plan.js')
const { requestsPerDay, ratesAtPeak, demand } = (await load(
  'demand.js',
)) as typeof import('../bench/simulation/demand.js')
const { planTable } = (await load('report.js')) as typeof import('../bench/simulation/report.js')
const { scaleChart } = (await load('chart.js')) as typeof import('../bench/simulation/chart.js')

const free = { signet: 0, hash: 0, postgresql: 0, statements: 0, commits: 0, wal: 0 }
const one = {
  nodes: 1,
  processes: 1,
  coresPerNode: 1,
  hashesAtATime: 1,
  pool: 10_000,
  databaseCores: 1,
  network: 0,
  commit: 0,
}

/** Requests of one kind, each of which needs a millisecond of something on average, at a rate that uses a part of it. */
const run = (cost: Partial<typeof free>, use: number, system: Partial<typeof one> = {}, servers = 1) =>
  simulate({
    rates: new Map([['only', use * servers * 1_000]]),
    costs: new Map([['only', { ...free, ...cost }]]),
    system: { ...one, ...system },
    requests: 300_000,
  })

/** Whether a value is within 5 % of what theory says. */
const near = (t: Test, value: number, expected: number, what: string) =>
  t.ok(Math.abs(value / expected - 1) < 0.05, `${what}: ${value.toPrecision(4)}, in theory ${expected.toPrecision(4)}`)

/** The probability of having to wait in an M/M/c queue, for `load` busy servers on average (Erlang C). */
function erlangC(servers: number, load: number): number {
  let blocked = 1
  for (let number = 1; number <= servers; number++) blocked = (load * blocked) / (number + load * blocked)
  return blocked / (1 - (load / servers) * (1 - blocked))
}

t.test('one process is an M/M/1 queue: mean and p99 of the response time', async (t) => {
  for (const use of [0.3, 0.5, 0.7]) {
    const { overall } = run({ signet: 1_000 }, use)
    near(t, overall.mean * 1e3, 1 / (1 - use), `mean at ${use}`)
    near(t, overall.p50 * 1e3, Math.log(2) / (1 - use), `median at ${use}`)
    near(t, overall.p99 * 1e3, Math.log(100) / (1 - use), `p99 at ${use}`)
  }
})

t.test('PostgreSQL with several cores is an M/M/c queue (Erlang C)', async (t) => {
  for (const [servers, use] of [
    [2, 0.7],
    [8, 0.8],
    [8, 0.9],
  ] as const) {
    const { overall, databaseUse } = run({ postgresql: 1_000, statements: 1 }, use, { databaseCores: servers }, servers)
    near(
      t,
      overall.mean * 1e3,
      1 + erlangC(servers, servers * use) / (servers * (1 - use)),
      `${servers} cores at ${use}`,
    )
    near(t, databaseUse, use, 'use')
  }
})

t.test('passwords, which all take the same time, are an M/D/1 queue', async (t) => {
  for (const use of [0.5, 0.8]) {
    const { overall } = run({ signet: 1_000, hash: 1_000 }, use, { coresPerNode: 2 })
    near(t, overall.mean * 1e3, 1 + use / (2 * (1 - use)), `at ${use}`)
  }
})

t.test(
  "the number of requests that are present is their rate times their time (Little's law), at each place",
  async (t) => {
    const cost = { signet: 600, postgresql: 400, statements: 2, commits: 1 }
    const system = { nodes: 3, processes: 2, coresPerNode: 2, databaseCores: 4, network: 0.0005, commit: 0.002 }
    const outcome = run(cost, 0.7, system, 6)
    near(t, outcome.inSystem, outcome.perSecond * outcome.overall.mean, 'in the whole system')
    near(t, outcome.nodeUse * 6, outcome.perSecond * 600e-6, 'busy cores of the nodes')
    near(t, outcome.databaseUse * 4, outcome.perSecond * 400e-6, 'busy cores of PostgreSQL')
    t.ok(
      outcome.connections.mean > outcome.perSecond * (400e-6 + 2 * 0.0005 + 0.002),
      'connections are held while waiting, too',
    )
  },
)

t.test('without waiting, a request takes its work, its round trips and its commits', async (t) => {
  const cost = { signet: 500, postgresql: 500, statements: 4, commits: 2 }
  const { overall, connections } = run(cost, 0.001, { network: 0.001, commit: 0.005, databaseCores: 8 })
  near(t, overall.mean * 1e3, 1 + 4 * 1 + 2 * 5, 'mean')
  t.ok(connections.most <= 3)
})

t.test('requests wait for a connection of their process if the pool is too small', async (t) => {
  const cost = { signet: 10, postgresql: 10, statements: 1 }
  const [small, large] = [2, 50].map((pool) => run(cost, 0.18, { network: 0.01, pool }))
  t.ok((large?.overall.mean ?? 0) < 0.011)
  t.ok((small?.overall.mean ?? 0) > 0.012, `${small?.overall.mean}`)
  t.equal(small?.connections.most, 2)
})

t.test('the same seed gives the same result, and another one a different one', async (t) => {
  const outcome = (seed: number) =>
    simulate({
      ...{ rates: new Map([['only', 500]]), costs: new Map([['only', { ...free, signet: 1_000 }]]) },
      ...{ system: one, requests: 2_000, seed },
    }).overall.mean
  t.equal(outcome(7), outcome(7))
  t.not(outcome(7), outcome(8))
})

t.test('random numbers are spread evenly, and exponential times have their mean and variance', async (t) => {
  const random = createRandom(3)
  const numbers = Array.from({ length: 200_000 }, random)
  for (let tenth = 0; tenth < 10; tenth++)
    near(t, numbers.filter((number) => Math.floor(number * 10) === tenth).length, 20_000, `tenth ${tenth}`)
  const times = Array.from({ length: 200_000 }, () => exponential(random, 2))
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length
  near(t, mean, 2, 'mean')
  near(t, times.reduce((sum, time) => sum + (time - mean) ** 2, 0) / times.length, 4, 'variance')
})

t.test('events happen in the order of their times, and then in the order in which they were planned', async (t) => {
  const clock = createClock()
  const happened: string[] = []
  for (const [delay, name] of [
    [3, 'd'],
    [1, 'a'],
    [2, 'b'],
    [2, 'c'],
  ] as const)
    clock.after(delay, () => {
      happened.push(`${name}${clock.now()}`)
      if (name === 'a') clock.after(4, () => happened.push(`e${clock.now()}`))
    })
  clock.run()
  t.same(happened, ['a1', 'b2', 'c2', 'd3', 'e5'])
})

t.test('a station serves in the order of arrival, and never more at a time than it has servers', async (t) => {
  const clock = createClock()
  const station = createStation(clock, 2)
  const done: string[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e']) station.serve(10, () => done.push(`${name}${clock.now()}`))
  clock.run()
  t.same(done, ['a10', 'b10', 'c20', 'd20', 'e30'])
  t.equal(station.most(), 2)
  t.equal(station.busyTime(), 50)
})

const results = {
  rows: [
    { scenario: 'refresh', server: 'oidc-provider', cpu: 9_999 },
    { scenario: 'refresh', server: 'Signet', cpu: 400, postgresCpu: 200, statements: 2, commits: 1, walBytes: 2_000 },
    {
      scenario: 'refresh',
      server: 'Signet, external',
      cpu: 500,
      postgresCpu: 300,
      statements: 2.02,
      commits: 1,
      walBytes: 2_100,
    },
    {
      scenario: 'sign-in',
      server: 'Signet',
      cpu: 30_000,
      postgresCpu: 3_000,
      statements: 9,
      commits: 4,
      walBytes: 9_000,
    },
    { scenario: 'jwk-set', server: 'Signet', cpu: 40 },
    { scenario: 'metadata', server: 'floor', cpu: 24 },
  ],
}
const costs = costsOf(results, { hash: 25_000 })

t.test('costs are those of Signet, with an external PostgreSQL if that was measured', async (t) => {
  t.same([...costs.keys()], ['refresh', 'sign-in', 'jwk-set'])
  t.same(costs.get('refresh'), { signet: 500, hash: 0, postgresql: 300, statements: 2, commits: 1, wal: 2_100 })
  t.match(costs.get('sign-in'), { signet: 30_000, hash: 25_000 })
  t.match(costs.get('jwk-set'), { postgresql: 0, statements: 0, commits: 0, wal: 0 })
})

t.test('the demand grows with the accounts, and the peak is a multiple of the average', async (t) => {
  const [few, many] = [requestsPerDay(1e6), requestsPerDay(3e6)]
  for (const [kind, count] of few) t.ok(Math.abs((many.get(kind) ?? 0) / count - 3) < 1e-9, kind)
  near(t, ratesAtPeak(1e6).get('refresh') ?? 0, ((few.get('refresh') ?? 0) / 86_400) * demand.peak, 'peak')
})

t.test('a plan has a spare node, is not busier than planned, and says what was not measured', async (t) => {
  const all = new Map(
    [...requestsPerDay(1).keys()].map((kind) => [
      kind,
      { ...free, signet: 500, postgresql: 200, statements: 2, commits: 1, wal: 2_000 },
    ]),
  )
  const tables =
    'accounts account_emails account_credentials known_browsers consents sessions grants refresh_families authorization_codes events'
  const sizes = Object.fromEntries(tables.split(' ').map((table) => [table, 400]))
  const plan = planFor(100e6, all, sizes)
  t.ok(plan.nodes >= 2)
  t.ok(plan.outcome.nodeUse < 0.5 && plan.outcome.databaseUse < 0.55)
  near(t, plan.outcome.nodeUse * plan.nodes * 8, plan.signetCores, 'busy cores')
  t.ok((plan.withoutOne.latency.get('refresh')?.p99 ?? 0) > (plan.outcome.latency.get('refresh')?.p50 ?? 0))
  const table = planTable([plan])
  t.notMatch(table, /NaN|Infinity|undefined/)
  const curve = curveOf(plan, all)
  t.ok((curve.at(-1)?.p99 ?? 0) > 2 * (curve[0]?.p99 ?? 0), 'the p99 grows with the load')
  const svg = scaleChart([plan], { plan, curve })
  t.notMatch(svg, /NaN|Infinity|undefined/)
  t.notMatch(scaleChart([], undefined), /NaN|Infinity|undefined/)
  t.throws(() => planFor(1e6, costs, sizes), /has not measured/)
  t.throws(() => planFor(1e6, all, {}), /has not measured accounts/)
})
