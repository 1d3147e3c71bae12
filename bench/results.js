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
 * @property {number | undefined} [cpuOfBefore] that of `Signet, before`, as a multiple of this server's
 * @property {number | undefined} [cpuOfOne] that of `Signet`, as a multiple of this server's
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
 * @property {number | undefined} [eachAtRest] the largest of several processes
 */

/** @typedef {{ bar: string, measured: number, met: boolean }} Bar */

/**
 * @param {{ name: string, title: string }} scenario
 * @param {import('./measure.js').Series[]} series
 * @returns {Row[]}
 */
export function rowsOf({ name, title }, series) {
  /** @param {ServerName} name */
  const roundsOf = (name) => series.find(({ server }) => server === name)?.rounds
  const [peer, floor] = [roundsOf('oidc-provider'), roundsOf('floor')]
  return series.map(({ server, rounds, statements }) => {
    /** @param {(round: Round) => number | undefined} of */
    const middle = (of) => median(rounds.map(of))
    return {
      ...{ scenario: name, title, server },
      perSecond: middle(({ perSecond }) => perSecond) ?? 0,
      p50: middle(({ p50 }) => p50) ?? 0,
      p99: middle(({ p99 }) => p99) ?? 0,
      cpu: middle(({ cpu }) => cpu),
      postgresCpu: middle(({ postgresCpu }) => postgresCpu),
      statements,
      commits: middle(({ commits }) => commits),
      walBytes: middle(({ walBytes }) => walBytes),
      ofPeer: ratio(rounds, peer, (own, other) => own.perSecond / other.perSecond),
      ofFloor: ratio(rounds, floor, (own, other) => own.perSecond / other.perSecond),
      cpuOfPeer: ratio(rounds, peer, cpuRatio),
      cpuOfFloor: ratio(rounds, floor, cpuRatio),
      ...(server.startsWith('Signet') && {
        cpuOfBefore: ratio(rounds, roundsOf('Signet, before'), cpuRatio),
        cpuOfOne: ratio(rounds, roundsOf('Signet'), cpuRatio),
      }),
    }
  })
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

/** How many times the processor time of one process some workers may need, and how many times its throughput two of them must have. */
const workerBars = { cpu: 1.1, throughput: 1.8 }

/**
 * Compares the results with Signet's own bars, as far as they were measured. Except for the throughput of workers, they are about processor
 * time, because the throughput of a shared machine varies too much.
 *
 * @param {Pick<Results, 'rows' | 'memory' | 'machine'>} results
 * @returns {Bar[]}
 */
export function barsOf({ rows, memory, machine }) {
  /** @param {string} scenario */
  const own = (scenario) => rows.find((row) => row.scenario === scenario && row.server === 'Signet')
  const held = memory.find(({ server }) => server === 'Signet')
  const bars = [
    {
      bar: 'client_credentials, ES256: at least 0.72 of the floor',
      least: 0.72,
      measured: own('client-credentials-es256')?.cpuOfFloor,
    },
    { bar: 'JWK Set: at least 0.70 of the floor', least: 0.7, measured: own('jwk-set')?.cpuOfFloor },
    { bar: 'metadata: at least 2 times oidc-provider', least: 2, measured: own('metadata')?.cpuOfPeer },
    { bar: 'refresh: at least 2 times oidc-provider', least: 2, measured: own('refresh')?.cpuOfPeer },
    {
      bar: 'code flow, signed in: at least 1.2 times oidc-provider',
      least: 1.2,
      measured: own('code-flow')?.cpuOfPeer,
    },
    { bar: 'sign-in: at least 0.97 times oidc-provider', least: 0.97, measured: own('sign-in')?.cpuOfPeer },
    { bar: 'introspection: at least 1.3 times oidc-provider', least: 1.3, measured: own('introspection')?.cpuOfPeer },
    { bar: 'userinfo: at least 1.3 times oidc-provider', least: 1.3, measured: own('userinfo')?.cpuOfPeer },
    { bar: 'memory at rest: at most 110 MiB', most: 110, measured: held?.atRest },
    { bar: 'memory after the load: at most 160 MiB', most: 160, measured: held?.afterLoad },
    ...workersBars(rows, memory, machine),
  ]
  return bars.flatMap(({ bar, measured, least = 0, most = Infinity }) =>
    measured === undefined ? [] : [{ bar, measured, met: measured >= least && measured <= most }],
  )
}

/**
 * @param {Row[]} rows
 * @param {Memory[]} memory
 * @param {Results['machine']} machine
 * @returns {{ bar: string, least?: number, most?: number, measured: number | undefined }[]}
 */
function workersBars(rows, memory, { processors }) {
  const ofWorkers = rows.filter(({ server }) => server.endsWith('workers'))
  const [{ server } = { server: '' }] = ofWorkers
  const atRest = memory.find((one) => one.server === server)?.eachAtRest
  const bars = ofWorkers
    .filter(({ scenario }) => ['client-credentials-es256', 'refresh'].includes(scenario))
    .map(({ title, cpuOfOne }) => ({
      bar: `${server}, ${title}: at most ${workerBars.cpu} times the processor time of one process`,
      ...{ most: workerBars.cpu, measured: cpuOfOne && 1 / cpuOfOne },
    }))
  const machines = ofWorkers.find(({ scenario }) => scenario === 'client-credentials-es256')
  const one = rows.find((row) => row.scenario === machines?.scenario && row.server === 'Signet')
  return [
    ...bars,
    // Only if each of them has a processor, and the load generator does too.
    ...(processors >= 4 && machines && one && server === 'Signet, 2 workers'
      ? [
          {
            bar: `${server}, ${machines.title}: at least ${workerBars.throughput} times the throughput of one process`,
            ...{ least: workerBars.throughput, measured: machines.perSecond / one.perSecond },
          },
        ]
      : []),
    { bar: `${server}: at most 110 MiB at rest for each process`, most: 110, measured: atRest },
  ]
}
