import { processorTime, residentMemory } from './process-usage.js'

/** @typedef {import('./scenarios/scenario.js').Scenario} Scenario */
/** @typedef {import('./servers/target.js').Target} Target */

/** How often each server takes its turn. */
export const rounds = 3
/** Seconds of load before the first round, so that V8 has compiled what it is going to. */
export const warmUp = 1

/** @typedef {import('./load/load.js').Measured & { cpu: number | undefined }} Round cpu: microseconds a request, of the server's process */

/** @typedef {{ server: import('./servers/target.js').ServerName, rounds: Round[] }} Series */

/**
 * Measures one scenario at every server in turn, round by round: what else the machine does then falls on all of them.
 *
 * @param {Scenario} scenario
 * @param {readonly Target[]} targets
 * @param {import('./load/load.js').Loader} loader
 * @param {number} seconds of each round
 * @param {(told: string) => void} tell
 * @returns {Promise<Series[]>}
 */
export async function measure(scenario, targets, loader, seconds, tell) {
  const runs = []
  for (const target of targets.filter(({ name }) => scenario.servers.includes(name))) {
    const load = await scenario.prepare(target)
    await loader.send(load, warmUp)
    runs.push({ target, load, rounds: /** @type {Round[]} */ ([]) })
  }
  for (let round = 1; round <= rounds; round++)
    for (const { target, load, rounds: done } of runs) {
      tell(`${target.name}, round ${round} of ${rounds}`)
      const before = processorTime(target.pid)
      const measured = await loader.send(load, seconds)
      const after = processorTime(target.pid)
      const cpu = before === undefined || after === undefined ? undefined : (after - before) / measured.requests
      done.push({ ...measured, cpu })
    }
  return runs.map(({ target, rounds: done }) => ({ server: target.name, rounds: done }))
}

/**
 * Mebibytes of a server at rest: some time after it is ready, and before anybody has asked anything.
 *
 * @param {number} pid
 */
export async function memoryAtRest(pid) {
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  return residentMemory(pid)
}
