import { createClock } from './clock.js'
import { createRandom, exponential } from './random.js'
import { createStation } from './station.js'

/**
 * @typedef {object} System
 * @property {number} nodes
 * @property {number} processes of each node, with one thread each that serves requests
 * @property {number} coresPerNode
 * @property {number} hashesAtATime passwords that a process checks at the same time, on other threads
 * @property {number} pool connections of each process to PostgreSQL
 * @property {number} databaseCores
 * @property {number} network seconds from a node to PostgreSQL and back
 * @property {number} commit seconds until a commit is durable
 */

/** Times are in seconds. @typedef {{ mean: number, p50: number, p99: number, count: number }} Latency */

/**
 * @typedef {object} Outcome
 * @property {number} seconds that were simulated
 * @property {number} perSecond requests that arrived
 * @property {Map<string, Latency>} latency by kind
 * @property {Latency} overall
 * @property {number} inSystem requests that were being served or waited, on average
 * @property {number} nodeUse the part of the nodes' cores that were busy
 * @property {number} databaseUse the part of PostgreSQL's cores that were busy
 * @property {{ mean: number, most: number }} connections that were in use, over all processes
 */

/** @typedef {import('./station.js').Station} Station */
/** @typedef {{ cores: Station, thread: Station, hashes: Station, pool: Station }} Process */

/**
 * Simulates requests that arrive at random, independently of each other (a Poisson process), and wait wherever somebody else is served:
 *
 * - Each goes to a process that is chosen at random, as by a load balancer that does not know their queues. A process works on one request at a time, and
 *   its thread needs one of the node's cores.
 * - Its work is done in equal parts, before, between and after the round trips to PostgreSQL. A password is checked on another thread.
 * - A round trip needs a connection of the process. It takes the time of the network, the work on a core of PostgreSQL, and, for the last ones of a request
 *   that commits, the time until the commit is durable. Commits do not wait for each other, because PostgreSQL writes them together.
 *
 * The work of a request is distributed exponentially around the measured mean, except for passwords, which all take the same time.
 *
 * @param {object} input
 * @param {ReadonlyMap<string, number>} input.rates requests a second, by kind
 * @param {import('./costs.js').Costs} input.costs
 * @param {System} input.system
 * @param {number} input.requests how many arrive; the first tenth is not counted
 * @param {number} [input.seed]
 * @returns {Outcome}
 */
export function simulate({ rates, costs, system, requests, seed = 2 }) {
  const clock = createClock()
  const random = createRandom(seed)
  const kinds = [...rates].map(([name, rate]) => {
    const cost = costs.get(name)
    if (!cost) throw new Error(`It was not measured what a request of the kind ${name} costs.`)
    return { name, rate, cost, latencies: /** @type {number[]} */ ([]) }
  })
  const rate = kinds.reduce((sum, kind) => sum + kind.rate, 0)
  const database = createStation(clock, system.databaseCores)
  const connections = createStation(clock, Infinity)
  const nodes = Array.from({ length: system.nodes }, () => createStation(clock, system.coresPerNode))
  const processes = nodes.flatMap((cores) =>
    Array.from({ length: system.processes }, () => ({
      cores,
      thread: createStation(clock, 1),
      hashes: createStation(clock, system.hashesAtATime),
      pool: createStation(clock, system.pool),
    })),
  )
  const skipped = Math.floor(requests / 10)
  const everything = createStation(clock, Infinity)
  const uses = () => ({
    at: clock.now(),
    inSystem: everything.busyTime(),
    nodes: nodes.reduce((sum, cores) => sum + cores.busyTime(), 0),
    database: database.busyTime(),
    connections: connections.busyTime(),
  })
  let [first, last] = [uses(), uses()]
  let arrived = 0

  /** @param {Process} process @param {import('./costs.js').RequestCost} cost @param {() => void} done */
  const serve = (process, cost, done) => {
    const microsecond = 1e-6
    const own = (exponential(random, cost.signet - cost.hash) * microsecond) / (cost.statements + 1)
    const query = cost.statements && (exponential(random, cost.postgresql) * microsecond) / cost.statements
    /** @param {() => void} next */
    const work = (next) =>
      process.thread.enter(() =>
        process.cores.serve(own, () => {
          process.thread.leave()
          next()
        }),
      )
    /** @param {number} left @param {() => void} next */
    const ask = (left, next) =>
      process.pool.enter(() => {
        connections.enter(() => {})
        const finish = () => {
          connections.leave()
          process.pool.leave()
          next()
        }
        clock.after(system.network, () =>
          database.serve(query, () => (left <= cost.commits ? clock.after(system.commit, finish) : finish())),
        )
      })
    /** @param {() => void} next */
    const hash = (next) =>
      process.hashes.enter(() =>
        process.cores.serve(cost.hash * microsecond, () => {
          process.hashes.leave()
          next()
        }),
      )
    /** @param {number} left round trips */
    const step = (left) => work(() => (left === 0 ? done() : ask(left, () => step(left - 1))))
    if (cost.hash === 0) step(cost.statements)
    else hash(() => step(cost.statements))
  }
  const choose = () => {
    let place = random() * rate
    for (const kind of kinds) {
      if (place < kind.rate) return kind
      place -= kind.rate
    }
    return kinds.at(-1)
  }
  const arrive = () => {
    if (arrived === skipped) first = uses()
    const kind = choose()
    const process = processes[Math.floor(random() * processes.length)]
    if (!kind || !process) return
    const isCounted = arrived++ >= skipped
    const from = clock.now()
    everything.enter(() =>
      serve(process, kind.cost, () => {
        everything.leave()
        if (isCounted) kind.latencies.push(clock.now() - from)
      }),
    )
    if (arrived < requests) clock.after(exponential(random, 1 / rate), arrive)
    else last = uses()
  }
  clock.after(0, arrive)
  clock.run()

  const seconds = last.at - first.at
  /** @param {'inSystem' | 'nodes' | 'database' | 'connections'} what */
  const average = (what) => (last[what] - first[what]) / seconds
  return {
    seconds,
    perSecond: (requests - 1 - skipped) / seconds,
    latency: new Map(kinds.map(({ name, latencies }) => [name, summarize(latencies)])),
    overall: summarize(kinds.flatMap(({ latencies }) => latencies)),
    inSystem: average('inSystem'),
    nodeUse: average('nodes') / system.nodes / system.coresPerNode,
    databaseUse: average('database') / system.databaseCores,
    connections: { mean: average('connections'), most: connections.most() },
  }
}

/** @param {number[]} latencies @returns {Latency} */
function summarize(latencies) {
  const sorted = Float64Array.from(latencies).sort()
  const quantile = (/** @type {number} */ part) => sorted[Math.floor(sorted.length * part)] ?? 0
  const sum = sorted.reduce((total, latency) => total + latency, 0)
  return { mean: sum / sorted.length, p50: quantile(0.5), p99: quantile(0.99), count: sorted.length }
}
