import { parseArgs } from 'node:util'

/** A usage error; the message explains it. */
export class WrongUsage extends Error {}

/**
 * @typedef {object} Options
 * @property {string[]} scenarios names of the scenarios to run
 * @property {number} seconds of each measurement
 * @property {boolean} profile
 * @property {boolean} bars whether a missed bar is a failure
 * @property {boolean} docs whether docs/speed.md, its chart and bench/results.json are updated
 * @property {string | undefined} baseline the folder of another checkout of Signet
 * @property {number | undefined} workers of a further Signet
 * @property {string | undefined} json file to write the results to
 * @property {string | undefined} chart file to write the chart to
 */

/** @param {readonly string[]} names of all scenarios */
export const usage = (names) => `Usage: npm run bench -- [scenario ...] [options]

Compares Signet with oidc-provider and with a bare node:http server, on this machine, by the processor time of a request.

Scenarios (default: all):
${names.map((name) => `  ${name}`).join('\n')}

Options:
  --seconds <n>        length of each of the three measurements (default: 3)
  --baseline <folder>  also measure another checkout of Signet, in which npm ci and npm run build have been run
  --workers <n>        also measure Signet with this many worker processes
  --profile            show where Signet spends its time in one scenario, by function
  --json <file>        write the results as JSON
  --chart <file>       draw the ratios as SVG
  --docs               write the results into docs/speed.md, docs/images/bench.svg and bench/results.json
  --bars               exit with 1 if a bar is not met
  --help               show this help

Environment:
  BENCH_DATABASE_URL   an external PostgreSQL (an empty database); without it, an installed PostgreSQL is started
  BENCH_HYDRA          the program of Ory Hydra (hydra), which is then measured too
  BENCH_KEYCLOAK       the folder of Keycloak, which is then measured too
`

/**
 * @param {readonly string[]} args
 * @param {readonly string[]} names of all scenarios
 * @returns {Options | 'help'}
 * @throws {WrongUsage}
 */
export function readOptions(args, names) {
  const { values, positionals } = parse(args)
  if (values.help) return 'help'
  const foreign = positionals.find((name) => !names.includes(name))
  if (foreign !== undefined) throw new WrongUsage(`There is no scenario ${foreign}: take ${names.join(', ')}.`)
  const seconds = Number(values.seconds)
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 600)
    throw new WrongUsage(`--seconds takes a whole number from 1 to 600; it is ${values.seconds}.`)
  if (values.profile && positionals.length !== 1) throw new WrongUsage('--profile takes one scenario.')
  if (values.docs && positionals.length > 0) throw new WrongUsage('--docs takes all scenarios: name none.')
  const workers = values.workers === undefined ? undefined : Number(values.workers)
  if (workers !== undefined && (!Number.isInteger(workers) || workers < 2 || workers > 64))
    throw new WrongUsage(`--workers takes a whole number from 2 to 64; it is ${values.workers}.`)
  const { profile, bars, docs, baseline, json, chart } = values
  return {
    scenarios: positionals.length > 0 ? [...new Set(positionals)] : [...names],
    seconds,
    profile,
    bars,
    docs,
    baseline,
    workers,
    json,
    chart,
  }
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seconds: { type: 'string', default: '3' },
        profile: { type: 'boolean', default: false },
        bars: { type: 'boolean', default: false },
        docs: { type: 'boolean', default: false },
        baseline: { type: 'string' },
        workers: { type: 'string' },
        json: { type: 'string' },
        chart: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new WrongUsage(/** @type {Error} */ (error).message)
  }
}
