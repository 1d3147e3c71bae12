// Computes what is reported from what was measured. Ratios are computed within a round, and the median of the rounds counts.

/** @typedef {import('./servers/target.js').ServerName} ServerName */

/**
 * What one server needed for one scenario. Everything that is `per request` is a mean over a round, and the median of the rounds.
 *
 * @typedef {object} Row
 * @property {string} scenario its name on the command line (`refresh`)
 * @property {string} title of the scenario, in reports
 * @property {ServerName} server
 * @property {number} perSecond requests a second
 * @property {number} p50 milliseconds
 * @property {number} p99 milliseconds
 * @property {number | undefined} cpu microseconds of processor time per request, of all the server's processes except PostgreSQL's
 * @property {number | undefined} postgresCpu microseconds of processor time per request, of all the processes of its PostgreSQL cluster
 * @property {number | undefined} statements SQL statements per request, with BEGIN and COMMIT
 * @property {number | undefined} commits transactions per request that changed something, so that each was one durable commit
 * @property {number | undefined} walBytes bytes of write-ahead log per request
 * @property {number | undefined} ofPeer throughput, as a multiple of oidc-provider's
 * @property {number | undefined} ofFloor throughput, as a multiple of the floor's
 * @property {number | undefined} cpuOfPeer oidc-provider's processor time per request, as a multiple of this server's
 * @property {number | undefined} cpuOfFloor the floor's processor time per request, as a multiple of this server's
 * @property {number | undefined} cpuOfBefore that of `Signet, before`, as a multiple of this server's
 * @property {number | undefined} cpuOfOne that of `Signet`, as a multiple of this server's
 */

/**
 * The content of bench/results.json (`--docs`) and of the file that `--json` names. A member that was not measured is left out.
 *
 * @typedef {object} Results
 * @property {{ processors: number, model: string, platform: string, node: string }} machine
 * @property {Record<string, string | number>} setting versions, and how it was measured
 * @property {Row[]} rows
 * @property {Memory[]} memory
 * @property {{ first: number, later: number } | undefined} start milliseconds until ready
 * @property {Bar[]} bars
 */

/**
 * Resident memory in MiB, without PostgreSQL's.
 *
 * @typedef {object} Memory
 * @property {ServerName} server
 * @property {number | undefined} atRest
 * @property {number | undefined} afterLoad
 */

/** @typedef {{ bar: string, measured: number, met: boolean }} Bar */

/**
 * @param {{ name: string, title: string }} scenario
 * @param {import('./measure.js').Series[]} series
 * @returns {Row[]}
 */
export function rowsOf({ name, title }, series) {
  const [peer, floor] = ['oidc-provider', 'floor'].map((server) => series.find((one) => one.server === server)?.rounds)
  return series.map(({ server, rounds }) => ({
    ...{ name, title, server },
    perSecond: median(rounds.map(({ perSecond }) => perSecond)) ?? 0,
    p50: median(rounds.map(({ p50 }) => p50)) ?? 0,
    p99: median(rounds.map(({ p99 }) => p99)) ?? 0,
    cpu: median(rounds.map(({ cpu }) => cpu)),
    ofPeer: ratio(rounds, peer, (own, other) => own.perSecond / other.perSecond),
    ofFloor: ratio(rounds, floor, (own, other) => own.perSecond / other.perSecond),
    cpuOfPeer: ratio(rounds, peer, cpuRatio),
    cpuOfFloor: ratio(rounds, floor, cpuRatio),
  }))
}

/** @typedef {import('./measure.js').Round} Round */

/** @param {Round} own @param {Round} other */
const cpuRatio = (own, other) => (own.cpu && other.cpu ? other.cpu / own.cpu : undefined)

/**
 * @param {Round[]} own
 * @param {Round[] | undefined} other
 * @param {(own: Round, other: Round) => number | undefined} of
 */
function ratio(own, other, of) {
  if (!other) return undefined
  return median(own.map((round, index) => of(round, /** @type {Round} */ (other[index]))))
}

/**
 * @param {readonly (number | undefined)[]} values
 * @returns {number | undefined} undefined if one of them is, or if there are none
 */
export function median(values) {
  const known = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  if (known.length === 0 || known.length < values.length) return undefined
  const [low = 0, high = 0] = [known[Math.floor((known.length - 1) / 2)], known[Math.floor(known.length / 2)]]
  return (low + high) / 2
}

/**
 * Compares the results with Signet's own bars, as far as they were measured.
 *
 * @param {Pick<Results, 'rows' | 'memory'>} results
 * @returns {Bar[]}
 */
export function barsOf({ rows, memory }) {
  /** @param {string} scenario */
  const own = (scenario) => rows.find(({ name, server }) => name === scenario && server === 'Signet')
  const atRest = memory.find(({ server }) => server === 'Signet')?.atRest
  const machine = own('client-credentials-es256')
  const bars = [
    { bar: 'client_credentials, ES256: at least 3 times oidc-provider', least: 3, measured: machine?.ofPeer },
    { bar: 'client_credentials, ES256: at least 0.70 of the floor', least: 0.7, measured: machine?.ofFloor },
    { bar: 'JWK Set: at least 2 times oidc-provider', least: 2, measured: own('jwk-set')?.ofPeer },
    { bar: 'metadata: at least 2 times oidc-provider', least: 2, measured: own('metadata')?.ofPeer },
    { bar: 'memory at rest: at most 110 MiB', most: 110, measured: atRest },
  ]
  return bars.flatMap(({ bar, measured, least = 0, most = Infinity }) =>
    measured === undefined ? [] : [{ bar, measured, met: measured >= least && measured <= most }],
  )
}
