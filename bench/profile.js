// Shows where Signet spends its time in one scenario, from a profile of V8.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { textTable } from './report.js'

/**
 * A profile as V8 writes it (Chrome DevTools Protocol, Profiler.Profile), with the properties used here.
 *
 * @typedef {object} Profile
 * @property {{ id: number, callFrame: { functionName: string, url: string, lineNumber: number } }[]} nodes
 * @property {number} startTime microseconds of the monotonic clock
 * @property {number[]} samples ids of nodes
 * @property {number[]} timeDeltas microseconds between them
 */

/**
 * Adds up the self time of each function.
 *
 * @param {Profile} profile
 * @param {{ from: number, until: number }} window microseconds of the monotonic clock; samples outside are ignored
 * @param {string} root the folder to which paths are relative
 * @returns {{ place: string, microseconds: number }[]} the longest first
 */
export function selfTimes({ nodes, startTime, samples, timeDeltas }, { from, until }, root) {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame, root)]))
  /** @type {Map<string, number>} */
  const times = new Map()
  let now = startTime
  for (const [index, id] of samples.entries()) {
    const took = timeDeltas[index] ?? 0
    now += took
    if (now < from || now > until) continue
    const place = places.get(id) ?? 'unknown'
    times.set(place, (times.get(place) ?? 0) + took)
  }
  return Array.from(times, ([place, microseconds]) => ({ place, microseconds })).sort(
    (a, b) => b.microseconds - a.microseconds,
  )
}

/** @param {Profile['nodes'][number]['callFrame']} frame @param {string} root */
function placeOf({ functionName, url, lineNumber }, root) {
  const file = url.startsWith('file:') ? fileURLToPath(url) : url
  const shown = file.startsWith(root) ? file.slice(root.length + 1) : file
  return `${functionName || '(anonymous)'}  ${shown}${shown ? `:${lineNumber + 1}` : ''}`
}

/**
 * @param {string} folder where the profile was written
 * @param {{ from: number, until: number }} window
 * @param {number} requests
 * @returns {string}
 */
export function profileReport(folder, window, requests) {
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error('The server wrote no profile.')
  const times = selfTimes(JSON.parse(readFileSync(join(folder, file), 'utf8')), window, join(import.meta.dirname, '..'))
  const total = times.reduce((sum, { microseconds }) => sum + microseconds, 0)
  const body = times.slice(0, 25).map(({ place, microseconds }) => {
    const [name = '', where = ''] = place.split('  ')
    return [name, where, `${((100 * microseconds) / total).toFixed(1)} %`, (microseconds / requests).toFixed(2)]
  })
  return `${textTable(['function', 'where', 'of the time', 'µs a request'], body, 2)}\n\n${join(folder, file)}\n`
}
