import { demand, machines, ratesAtPeak, requestsPerDay, storage } from './demand.js'
import { simulate } from './simulate.js'

/** Numbers of accounts that docs/scale.md is about. */
export const sizes = [10e6, 100e6, 1000e6]

/** Requests that are simulated: enough for a steady p99, and few enough for a run time of seconds. */
const simulated = 40_000

/**
 * @typedef {object} Plan
 * @property {number} accounts
 * @property {number} perSecond requests at the peak
 * @property {number} signetCores that are busy at the peak, on average
 * @property {number} nodes
 * @property {number} postgresqlCores that are busy at the peak, on average
 * @property {number} databaseCores that PostgreSQL gets
 * @property {number} commitsPerSecond at the peak
 * @property {number} commitsPerDay
 * @property {number} walPerSecond bytes at the peak
 * @property {import('./simulate.js').Outcome} outcome at the peak
 * @property {import('./simulate.js').Outcome} withoutOne at the peak, while one node is missing
 * @property {number} connections that the nodes may open
 * @property {[table: string, rows: number, bytes: number][]} tables
 */

/**
 * What a number of accounts needs.
 *
 * @param {number} accounts
 * @param {import('./costs.js').Costs} costs
 * @param {Record<string, number>} rowSizes
 * @returns {Plan}
 */
export function planFor(accounts, costs, rowSizes) {
  const rates = ratesAtPeak(accounts)
  /** @param {(cost: import('./costs.js').RequestCost) => number} of */
  const total = (of) =>
    [...rates].reduce((sum, [kind, rate]) => {
      const cost = costs.get(kind)
      if (!cost) throw new Error(`The bench has not measured ${kind}.`)
      return sum + rate * of(cost)
    }, 0)
  const signetCores = total(({ signet }) => signet) / 1e6
  const postgresqlCores = total(({ postgresql }) => postgresql) / 1e6
  // Never less than two, so that one can fail or be replaced.
  const nodes = 1 + Math.max(1, Math.ceil(signetCores / machines.use / machines.coresPerNode))
  const databaseCores = evenSize(postgresqlCores / machines.use)
  const system = systemOf(nodes, databaseCores)
  const input = { rates, costs, requests: simulated }
  return {
    ...{ accounts, signetCores, nodes, postgresqlCores, databaseCores },
    perSecond: [...rates.values()].reduce((sum, rate) => sum + rate, 0),
    commitsPerSecond: total(({ commits }) => commits),
    commitsPerDay: (total(({ commits }) => commits) * 86_400) / demand.peak,
    walPerSecond: total(({ wal }) => wal),
    outcome: simulate({ ...input, system }),
    withoutOne: simulate({ ...input, system: { ...system, nodes: nodes - 1 } }),
    connections: nodes * machines.poolPerNode,
    tables: tablesOf(accounts, rowSizes),
  }
}

/** Sizes in which machines are sold. @param {number} cores */
function evenSize(cores) {
  return Math.max(2, 2 ** Math.ceil(Math.log2(cores)))
}

/**
 * @param {number} nodes
 * @param {number} databaseCores
 * @returns {import('./simulate.js').System}
 */
function systemOf(nodes, databaseCores) {
  const { coresPerNode, hashesAtATime, network, commit } = machines
  const pool = Math.floor(machines.poolPerNode / coresPerNode)
  return { nodes, processes: coresPerNode, coresPerNode, hashesAtATime, pool, databaseCores, network, commit }
}

/**
 * @param {number} accounts
 * @param {Record<string, number>} rowSizes
 * @returns {Plan['tables']}
 */
function tablesOf(accounts, rowSizes) {
  /** @type {Map<string, number>} */
  const rows = new Map(Object.entries(storage.perAccount).map(([table, each]) => [table, each * accounts]))
  const perDay = requestsPerDay(accounts)
  for (const { kind, table, rows: each, days } of storage.perRequest)
    rows.set(table, (rows.get(table) ?? 0) + (perDay.get(kind) ?? 0) * each * days)
  return [...rows].map(([table, count]) => {
    const size = rowSizes[table]
    if (size === undefined) throw new Error(`rows.js has not measured ${table}.`)
    return [table, count, count * size * (table === 'events' ? 1 : storage.bloat)]
  })
}

/**
 * The p99 of refreshes with the machines of a plan, as the load changes: the chart of docs/scale.md.
 *
 * @param {Plan} plan
 * @param {import('./costs.js').Costs} costs
 * @returns {{ load: number, p99: number }[]} load: requests a second
 */
export function curveOf(plan, costs) {
  const rates = ratesAtPeak(plan.accounts)
  const system = systemOf(plan.nodes, plan.databaseCores)
  const most = Math.min(
    (plan.nodes * machines.coresPerNode) / plan.signetCores,
    plan.databaseCores / plan.postgresqlCores,
  )
  return [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.94, 0.97].map((part) => {
    const factor = part * most
    const scaled = new Map([...rates].map(([kind, rate]) => [kind, rate * factor]))
    const { latency } = simulate({ rates: scaled, costs, system, requests: 20_000 })
    return { load: plan.perSecond * factor, p99: latency.get('refresh')?.p99 ?? 0 }
  })
}

/**
 * What one core carries of each kind of request, if it does nothing else and is busy all the time.
 *
 * @param {import('./costs.js').Costs} costs
 */
export function capacities(costs) {
  const kinds = [...Object.keys(demand.perActiveAccount), ...Object.keys(demand.perAccount)]
  return kinds.flatMap((kind) => {
    const cost = costs.get(kind)
    return cost
      ? [{ kind, cost, signet: 1e6 / cost.signet, postgresql: cost.postgresql > 0 ? 1e6 / cost.postgresql : undefined }]
      : []
  })
}
