// The properties of the machine that affect the results, and the assignment of its processors.
import { accessSync, constants, readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { delimiter, join } from 'node:path'

/**
 * The processor reserved for the measured server, those for a server with worker processes, and those for everything else (load generator
 * and PostgreSQL). Undefined if processes cannot be bound to processors.
 *
 * @typedef {{ server: string, workers: string, others: string } | undefined} Processors
 */

/**
 * Looks up a program on the PATH, as a shell does.
 *
 * @param {string} name
 */
export function onPath(name) {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/**
 * A server with worker processes gets one processor for each of them if two others remain; otherwise they share one.
 *
 * @param {number} [workers]
 * @returns {Processors}
 */
export function chooseProcessors(workers = 1) {
  if (process.platform !== 'linux' || !onPath('taskset')) return undefined
  // The processors that this process may use: a container may not have all of them.
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  const allowed = list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
  const count = allowed.length >= workers + 2 ? workers : 1
  const [own, others] = [allowed.slice(0, count), allowed.slice(count)]
  if (own.length === 0 || others.length === 0) return undefined
  return { server: String(own[0]), workers: own.join(','), others: others.join(',') }
}

export function describeMachine() {
  return {
    processors: availableParallelism(),
    model: cpus()[0]?.model.trim() ?? 'unknown',
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  }
}
