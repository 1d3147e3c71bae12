import { processorTime, residentMemory, residentMemoryOfEach } from './process-usage.js'

/** @typedef {import('./scenarios/scenario.js').Scenario} Scenario */
/** @typedef {import('./servers/target.js').Target} Target */

/** Rounds of each server. */
export const rounds = 3
/** Seconds of load during which statements are counted. */
export const countedSeconds = 2

/**
 * What one request needed, as in the rows of the results.
 *
 * @typedef {Pick<import('./results.js').Row, 'cpu' | 'postgresCpu' | 'commits' | 'walBytes'>} Needed
 */
/** @typedef {import('./load/load.js').Measured & Needed} Round */
/** @typedef {{ server: import('./servers/target.js').ServerName, rounds: Round[], statements: number | undefined }} Series */

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
  for (const target of targets.filter(({ kind }) => scenario.servers.includes(kind))) {
    report(`${target.name}, first requests`)
    const load = await scenario.prepare(target)
    await warmUp(target, load, loader)
    const statements = await target.database?.countStatements(() => loader.send(load, countedSeconds))
    runs.push({ target, load, statements, rounds: /** @type {Round[]} */ ([]) })
  }
  for (let round = 1; round <= rounds; round++)
    for (const { target, load, rounds: done } of runs) {
      report(`${target.name}, round ${round} of ${rounds}`)
      const before = await usageOf(target)
      const measured = await loader.send(load, seconds)
      const after = await usageOf(target)
      if (measured.requests === 0) throw new Error(`${target.name} answered nothing in ${seconds} s: ${scenario.title}`)
      done.push({ ...measured, ...perRequest(before, after, measured.requests) })
    }
  return runs.map(({ target, rounds: done, statements }) => ({ server: target.name, rounds: done, statements }))
}

/**
 * Sends load until the server has used the processor for some seconds, so that the hot code has been compiled. On a machine that does other
 * work too, that takes longer, but not without end.
 *
 * @param {Target} target
 * @param {Awaited<ReturnType<Scenario['prepare']>>} load
 * @param {import('./load/load.js').Loader} loader
 */
export async function warmUp(target, load, loader) {
  const before = processorTime(target.pid)
  if (before === undefined) return void (await loader.send(load, target.warmUp))
  for (let second = 0; second < 5 * target.warmUp; second++) {
    await loader.send(load, 1)
    if ((processorTime(target.pid) ?? 0) - before >= target.warmUp * 1_000_000) return
  }
}

/** @param {Target} target */
async function usageOf({ pid, database }) {
  return { cpu: processorTime(pid), database: await database?.read() }
}

/**
 * @param {Awaited<ReturnType<typeof usageOf>>} before
 * @param {Awaited<ReturnType<typeof usageOf>>} after
 * @param {number} requests
 * @returns {Needed}
 */
function perRequest(before, after, requests) {
  /** @param {number | undefined} from @param {number | undefined} until */
  const each = (from, until) => (from === undefined || until === undefined ? undefined : (until - from) / requests)
  return {
    cpu: each(before.cpu, after.cpu),
    postgresCpu: each(before.database?.cpu, after.database?.cpu),
    commits: each(before.database?.commits, after.database?.commits),
    walBytes: each(before.database?.walBytes, after.database?.walBytes),
  }
}

/**
 * Memory of a server at rest, in MiB: some time after it is ready, and before the first request.
 *
 * @param {number} pid
 */
export async function memoryAtRest(pid) {
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  const each = residentMemoryOfEach(pid)
  return {
    atRest: residentMemory(pid),
    // Of a server with worker processes, the largest of them.
    ...(each && each.length > 1 && { eachAtRest: Math.max(...each) }),
  }
}
