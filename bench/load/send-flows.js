// Runs flows of several people concurrently for some seconds, in a separate process. Reads them as JSON and prints the measurement as JSON.
import { text } from 'node:stream/consumers'
import { createBrowser, createConnections } from './browser.js'
import { codeFlow, redeem, signIn } from './flows.js'

/** @type {import('./flows.js').Flows & { seconds: number }} */
const { flow, application, people, seconds } = JSON.parse(await text(process.stdin))
const connections = createConnections()
/** @type {number[]} */
const durations = []

/** @type {((person: import('./flows.js').Person) => Promise<() => Promise<unknown>>)} */
const begin = async (person) => {
  // A new browser each time.
  if (flow === 'sign-in') return () => signIn(createBrowser(connections), application, person)
  const browser = createBrowser(connections)
  await redeem(browser, application, await signIn(browser, application, person))
  return () => codeFlow(browser, application)
}
const flows = await Promise.all(people.map(begin))
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
  }),
)
