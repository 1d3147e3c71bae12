// Journeys of several people at once, for some seconds; a process of its own. Reads them as JSON, and prints what was measured.
import { text } from 'node:stream/consumers'
import { createBrowser, createConnections } from './browser.js'
import { codeFlow, redeem, signIn } from './journeys.js'

/** @type {import('./journeys.js').Journeys & { seconds: number }} */
const { journey, application, people, seconds } = JSON.parse(await text(process.stdin))
const connections = createConnections()
/** @type {number[]} */
const took = []

/** @type {((person: import('./journeys.js').Person) => Promise<() => Promise<unknown>>)} */
const begin = async (person) => {
  // A browser that knows nothing each time.
  if (journey === 'sign-in') return () => signIn(createBrowser(connections), application, person)
  const browser = createBrowser(connections)
  await redeem(browser, application, await signIn(browser, application, person))
  return () => codeFlow(browser, application)
}
const journeys = await Promise.all(people.map(begin))
const from = performance.now()
const until = from + seconds * 1_000
await Promise.all(
  journeys.map(async (go) => {
    for (let started = from; started < until; ) {
      await go()
      const ended = performance.now()
      took.push(ended - started)
      started = ended
    }
  }),
)
const measured = (performance.now() - from) / 1_000
connections.destroy()
took.sort((a, b) => a - b)
const quantile = (/** @type {number} */ part) => took[Math.min(took.length - 1, Math.floor(took.length * part))]
process.stdout.write(
  JSON.stringify({
    requests: took.length,
    seconds: measured,
    perSecond: took.length / measured,
    p50: quantile(0.5),
    p99: quantile(0.99),
  }),
)
