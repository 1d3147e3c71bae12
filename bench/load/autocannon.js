// The load of one measurement, sent by autocannon; a process of its own, where there is no wrk. Reads the load as JSON, and prints
// what was measured as JSON.
import { text } from 'node:stream/consumers'
import autocannon from 'autocannon'

/** @type {import('./load.js').Load & { seconds: number }} */
const { url, method, headers, bodies, seconds } = JSON.parse(await text(process.stdin))
const result = await autocannon({
  url,
  connections: 16,
  duration: seconds,
  requests: bodies.map((body) => ({ method, headers, ...(method === 'GET' ? {} : { body }) })),
})
const failed = result.non2xx + result.errors
if (failed > 0) throw new Error(`${failed} answers were no success.`)
process.stdout.write(
  JSON.stringify({
    requests: result.requests.total,
    seconds: result.duration,
    perSecond: result.requests.total / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
  }),
)
