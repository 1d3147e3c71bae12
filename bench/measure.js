import { processorTime, residentMemory } from './process-usage.js'

/** @typedef {import('./scenarios/scenario.js').Scenario} Scenario */
/** @typedef {import('./servers/target.js').Target} Target */

/** Rounds of each server. */
export const rounds = 3
/** Seconds of load before the first round, so that V8 has compiled the hot code. */
export const warmUp = 1

/** @typedef {import('./load/load.js').Measured & { cpu: number | undefined }} Round cpu: microseconds per request, of the server's process */

/** @typedef {{ server: import('./servers/target.js').ServerName, rounds: Round[] }} Series */

/**
 * Measures one scenario on every server in turn, round by round, so that other activity on the machine affects all of them.
 *
 * @param {Scenario} scenario
 * @param {readonly Target[]} targets
 * @param {import('./load/load.js').Loader} loader
 * @param {number} seconds of each round
 * @param {(detail: string) => void} report
 * @returns {Promise<Series[]>}
 */
export async function measure(scenario, targets, loader, seconds, report) {
  const runs = []
  for (const target of targets.filter(({ name }) => scenario.servers.includes(name))) {
    const load = await scenario.prepare(target)
    await loader.send(load, warmUp)
    runs.push({ target, load, rounds: /** @type {Round[]} */ ([]) })
  }
  for (let round = 1; round <= rounds; round++)
    for (const { target, load, rounds: done } of runs) {
      report(`${target.name}, round ${round} of ${rounds}`)
      const before = processorTime(target.pid)
      const measured = await loader.send(load, seconds)
      const after = processorTime(target.pid)
      const cpu = before === undefined || after === undefined ? undefined : (after - before) / measured.requests
      done.push({ ...measured, cpu })
    }
  return runs.map(({ target, rounds: done }) => ({ server: target.name, rounds: done }))
}

/**
 * Memory of a server at rest, in MiB: some time after it is ready, and before the first request.
 *
 * @param {number} pid
 */
export async function memoryAtRest(pid) {
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  return residentMemory(pid)
}
