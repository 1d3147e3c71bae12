// Resource usage of a process and its descendants, from /proc (proc(5)); undefined on systems without it.
import { readdirSync, readFileSync } from 'node:fs'

/** To programs, Linux reports times in hundredths of a second. */
const ticksPerSecond = 100

/** @typedef {{ pid: number, name: string, parent: number, ticks: number }} Process */

/**
 * Microseconds of processor time of a process and its descendants, with all their threads, in user and system mode. The processes of an
 * embedded PostgreSQL are not counted, unless the process itself is one.
 *
 * @param {number} pid
 */
export function processorTime(pid) {
  const processes = processTree(pid)
  return processes && (processes.reduce((sum, { ticks }) => sum + ticks, 0) * 1_000_000) / ticksPerSecond
}

/**
 * Resident memory in MiB of a process and its descendants, as in `processorTime`. Pages that they share are counted for each of them.
 *
 * @param {number} pid
 */
export function residentMemory(pid) {
  return residentMemoryOfEach(pid)?.reduce((sum, each) => sum + each, 0)
}

/** @param {number} pid */
export function residentMemoryOfEach(pid) {
  return processTree(pid)?.map(
    (one) => Number(/^VmRSS:\s*(\d+)/m.exec(read(`/proc/${one.pid}/status`) ?? '')?.[1] ?? 0) / 1024,
  )
}

/**
 * @param {number} pid
 * @returns {Process[] | undefined} the process first
 */
export function processTree(pid) {
  const root = readProcess(pid)
  if (!root) return undefined
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readProcess(Number(name)) ?? []) : []))
  /** @type {(parent: Process) => Process[]} */
  const withDescendants = (parent) => [
    parent,
    ...all.filter((one) => one.parent === parent.pid && isPostgres(one) <= isPostgres(root)).flatMap(withDescendants),
  ]
  return withDescendants(root)
}

/** @param {Process} process */
const isPostgres = ({ name }) => Number(name === 'postgres')

/**
 * @param {number} pid
 * @returns {Process | undefined}
 */
export function readProcess(pid) {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the name, in parentheses, and may contain blanks. ppid is the fourth. utime, stime, cutime and cstime are the 14th
  // to the 17th; the last two are the time of children that have exited.
  const end = stat.lastIndexOf(')')
  const [, parent, ...others] = stat.slice(end + 2).split(' ')
  const ticks = others.slice(9, 13).reduce((sum, field) => sum + Number(field), 0)
  return { pid, name: stat.slice(stat.indexOf('(') + 1, end), parent: Number(parent), ticks }
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
