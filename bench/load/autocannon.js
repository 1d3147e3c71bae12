// Sends the load of one measurement with autocannon, in a separate process, if wrk is not installed. Reads the load as JSON and prints
// the measurement as JSON.
import { text } from 'node:stream/consumers'
import autocannon from 'autocannon'
import { requestsOf } from './load.js'

/** @type {import('./load.js').Load & { seconds: number }} */
const { seconds, ...load } = JSON.parse(await text(process.stdin))
const result = await autocannon({
  url: load.url,
  connections: 16,
  duration: seconds,
  requests: requestsOf(load),
})
const failed = result.non2xx + result.errors
if (failed > 0) throw new Error(`${failed} answers were not successful.`)
process.stdout.write(
  JSON.stringify({
    requests: result.requests.total,
    seconds: result.duration,
    perSecond: result.requests.total / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
  }),
)
