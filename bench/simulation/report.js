import { figure, markdownTable } from '../report.js'
import { demand, machines, storage } from './demand.js'

/** @typedef {import('./plan.js').Plan} Plan */

/** @type {Record<string, string>} */
const names = {
  'sign-in': 'sign-in with a password',
  'code-flow': 'code flow, signed in',
  refresh: 'refresh',
  userinfo: 'userinfo',
  introspection: 'introspection',
  'client-credentials-es256': 'client_credentials',
  'jwk-set': 'JWK Set',
}

/** What one core carries. @param {ReturnType<typeof import('./plan.js').capacities>} capacities */
export function capacityTable(capacities) {
  return markdownTable(
    [
      ...['one request', 'a second, one core of Signet', 'a second, one core of PostgreSQL'],
      ...['round trips', 'commits', 'bytes of WAL'],
    ],
    capacities.map(({ kind, cost, signet, postgresql }) => [
      ...[
        names[kind] ?? kind,
        count(signet),
        postgresql === undefined || cost.statements === 0 ? 'any number' : count(postgresql),
      ],
      ...[String(cost.statements), String(cost.commits), cost.commits === 0 ? '0' : count(cost.wal)],
    ]),
    1,
  )
}

/** The assumptions. */
export function demandTable() {
  const lines = [
    ['accounts that are used on a day', percent(demand.activeAccounts)],
    ...Object.entries(demand.perActiveAccount).map(([kind, each]) => [
      `${names[kind]}, for each of these and day`,
      String(each),
    ]),
    ...Object.entries(demand.perAccount).map(([kind, each]) => [
      `${names[kind]}, for each account and day`,
      String(each),
    ]),
    ['the busiest minutes, as a multiple of the average', String(demand.peak)],
    ['part of the cores that is busy then', percent(machines.use)],
    ['cores of a node', String(machines.coresPerNode)],
    ['connections that a node may open', String(machines.poolPerNode)],
    ['from a node to PostgreSQL and back', `${machines.network * 1e3} ms`],
    ['until a commit is durable, on a standby too', `${machines.commit * 1e3} ms`],
    ...storage.perRequest
      .filter(({ table, kind }) => table !== 'events' || kind === 'refresh')
      .map(({ table, days }) => [`\`${table}\` are kept`, days === 1 ? '1 day' : `${days} days`]),
    ['more space for rows that change, events excepted', percent(storage.bloat - 1)],
  ]
  return markdownTable(['assumption', ''], lines, 1)
}

/** What each number of accounts needs. @param {readonly Plan[]} plans */
export function planTable(plans) {
  /** @type {[string, (plan: Plan) => string][]} */
  const lines = [
    ['requests a second at the peak', ({ perSecond }) => count(perSecond)],
    ['of these, refreshes', ({ perSecond, outcome }) => count(perSecond * share(outcome, 'refresh'))],
    ['cores of Signet that are busy', ({ signetCores }) => figure(signetCores)],
    [`nodes of ${machines.coresPerNode} cores, one of them spare`, ({ nodes }) => String(nodes)],
    ['cores of PostgreSQL that are busy', ({ postgresqlCores }) => figure(postgresqlCores)],
    ['cores of PostgreSQL to buy', ({ databaseCores }) => String(databaseCores)],
    ['commits a second', ({ commitsPerSecond }) => count(commitsPerSecond)],
    [
      'hours until PostgreSQL has used 200 M transaction IDs',
      ({ commitsPerDay }) => figure((200e6 / commitsPerDay) * 24),
    ],
    ['WAL, MB a second', ({ walPerSecond }) => figure(walPerSecond / 1e6)],
    [
      'connections in use: on average, at most',
      ({ outcome: { connections } }) => `${count(connections.mean)}, ${count(connections.most)}`,
    ],
    ['connections that the nodes may open', ({ connections }) => count(connections)],
    ['p99 of a refresh, ms', ({ outcome }) => milliseconds(outcome, 'refresh')],
    ['… without one node', ({ withoutOne }) => milliseconds(withoutOne, 'refresh')],
    ['p99 of a code flow, ms', ({ outcome }) => milliseconds(outcome, 'code-flow')],
    ['p99 of a sign-in, ms', ({ outcome }) => milliseconds(outcome, 'sign-in')],
    ['rows without events, millions', ({ tables }) => count(sum(tables, 1) / 1e6)],
    ['disk without events, TB', ({ tables }) => figure(sum(tables, 2) / 1e12)],
    [
      'events in a year, millions',
      ({ tables }) => count((tables.find(([table]) => table === 'events')?.[1] ?? 0) / 1e6),
    ],
    [
      'disk for the events of a year, TB',
      ({ tables }) => figure((tables.find(([table]) => table === 'events')?.[2] ?? 0) / 1e12),
    ],
  ]
  return markdownTable(
    ['', ...plans.map(({ accounts }) => `${count(accounts / 1e6)} M accounts`)],
    lines.map(([line, of]) => [line, ...plans.map(of)]),
    1,
  )
}

/** Bytes of each row. @param {Record<string, number>} rows @param {readonly Plan[]} plans */
export function rowTable(rows, plans) {
  return markdownTable(
    ['table', 'bytes of a row', ...plans.map(({ accounts }) => `GB, ${count(accounts / 1e6)} M accounts`)],
    Object.entries(rows).map(([table, bytes]) => [
      ...[`\`${table}\``, String(bytes)],
      ...plans.map(({ tables }) => figure((tables.find(([name]) => name === table)?.[2] ?? 0) / 1e9)),
    ]),
    1,
  )
}

/** @param {import('./simulate.js').Outcome} outcome @param {string} kind */
function share({ latency }, kind) {
  const counts = [...latency.values()].map((each) => each.count)
  return (latency.get(kind)?.count ?? 0) / counts.reduce((all, each) => all + each, 0)
}

/** @param {import('./simulate.js').Outcome} outcome @param {string} kind */
const milliseconds = ({ latency }, kind) => figure((latency.get(kind)?.p99 ?? 0) * 1e3)

/** All tables but events. @param {Plan['tables']} tables @param {1 | 2} member */
const sum = (tables, member) => tables.reduce((total, entry) => total + (entry[0] === 'events' ? 0 : entry[member]), 0)

/** @param {number} part */
const percent = (part) => `${Math.round(part * 100)} %`

/** Two significant figures, with commas: more would claim an exactness that a plan does not have. @param {number} value */
function count(value) {
  const magnitude = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) - 1)
  return (Math.round(value / magnitude) * magnitude).toLocaleString('en-US')
}
