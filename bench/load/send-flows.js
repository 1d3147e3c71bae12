// Runs flows of several people concurrently for some seconds, in a separate process. Reads them as JSON and prints the measurement as JSON.
import { text } from 'node:stream/consumers'
import { createBrowser, createConnections } from './browser.js'
import { codeFlow, refresh, signIn } from './flows.js'

/** @type {import('./flows.js').Flows & { seconds: number }} */
const load = JSON.parse(await text(process.stdin))
const { application, seconds } = load
const connections = createConnections()
/** @type {number[]} */
const durations = []

/** @type {(() => (() => Promise<unknown>)[])} */
const flowsOf = () => {
  if (load.flow === 'sign-in')
    // A new browser each time.
    return load.people.map((person) => () => signIn(createBrowser(connections), application, person))
  if (load.flow === 'code-flow')
    return load.browsers.map(({ person, cookies }) => {
      const browser = createBrowser(connections, new Map(cookies))
      return () => codeFlow(browser, application, person)
    })
  const { tokens } = load
  const browser = createBrowser(connections)
  return tokens.map((_, index) => async () => {
    tokens[index] = await refresh(browser, application, tokens[index] ?? '')
  })
}
const flows = flowsOf()
const from = performance.now()
const until = from + seconds * 1_000
await Promise.all(
  flows.map(async (run) => {
    for (let started = from; started < until; ) {
      await run()
      const ended = performance.now()
      durations.push(ended - started)
      started = ended
    }
  }),
)
const measured = (performance.now() - from) / 1_000
connections.destroy()
durations.sort((a, b) => a - b)
const quantile = (/** @type {number} */ part) =>
  durations[Math.min(durations.length - 1, Math.floor(durations.length * part))]
process.stdout.write(
  JSON.stringify({
    requests: durations.length,
    seconds: measured,
    perSecond: durations.length / measured,
    p50: quantile(0.5),
    p99: quantile(0.99),
    ...(load.flow === 'refresh' && { tokens: load.tokens }),
  }),
)
