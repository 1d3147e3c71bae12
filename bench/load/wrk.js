// wrk: https://github.com/wg/wrk
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** @typedef {import('./load.js').Load} Load */

const connections = 16

/**
 * @param {string} program
 * @param {Load} load
 * @param {number} seconds
 * @param {string} folder for the script
 */
export function wrkCommand(program, load, seconds, folder) {
  const script = join(folder, 'wrk.lua')
  writeFileSync(script, wrkScript(load))
  return {
    program,
    args: [
      ...['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`, '--latency'],
      // On a machine that does other work too, a slow answer is not a failure.
      ...['--timeout', '30s'],
      ...['--script', script, load.url],
    ],
  }
}

/**
 * A script that formats the requests once and sends them in turn.
 *
 * @param {Load} load
 */
export function wrkScript({ method, headers, bodies, authorizations = [] }) {
  const table = Object.entries(headers).map(([name, value]) => `[${quoted(name)}] = ${quoted(value)}`)
  return `local headers = { ${table.join(', ')} }
local bodies = { ${bodies.map(quoted).join(', ')} }
local authorizations = { ${authorizations.map(quoted).join(', ')} }
local requests = {}
local turn = 0
function init()
  for index = 1, math.max(#bodies, #authorizations) do
    if #authorizations > 0 then headers["authorization"] = authorizations[index] end
    local body = bodies[(index - 1) % #bodies + 1]
    requests[index] = wrk.format(${quoted(method)}, nil, headers, ${method === 'GET' ? 'nil' : 'body'})
  end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
`
}

/**
 * Parses the output of wrk.
 *
 * @param {string} printed
 * @returns {import('./load.js').Measured}
 * @throws {Error} if a response was not successful, a connection failed, or the output cannot be parsed
 */
export function parseWrk(printed) {
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(printed)?.[1]
  if (failed !== undefined) throw new Error(`${failed} answers were not successful.`)
  const broken = /Socket errors: .*/.exec(printed)?.[0]
  if (broken !== undefined) throw new Error(`${broken}.`)
  const [, requests, duration, unit] = /(\d+) requests in ([\d.]+)(s|m)/.exec(printed) ?? []
  const perSecond = /Requests\/sec:\s+([\d.]+)/.exec(printed)?.[1]
  const [p50, p99] = ['50', '99'].map((part) => new RegExp(`^\\s+${part}%\\s+([\\d.]+)(us|ms|s|m)`, 'm').exec(printed))
  if (!requests || !duration || !perSecond || !p50 || !p99)
    throw new Error(`the output of wrk was not understood:\n${printed}`)
  return {
    requests: Number(requests),
    seconds: Number(duration) * (unit === 'm' ? 60 : 1),
    perSecond: Number(perSecond),
    p50: milliseconds(p50),
    p99: milliseconds(p99),
  }
}

const millisecondsPer = { us: 0.001, ms: 1, s: 1_000, m: 60_000 }

/** @param {RegExpExecArray} match */
function milliseconds([, value, unit]) {
  return Number(value) * millisecondsPer[/** @type {keyof typeof millisecondsPer} */ (unit)]
}

/** As long as they are ASCII, JSON strings are valid in Lua. @param {string} text */
function quoted(text) {
  return JSON.stringify(text)
}
