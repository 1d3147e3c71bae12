// Resource usage of a process, from /proc (proc(5)); undefined on systems without it.
import { readFileSync } from 'node:fs'

/** To programs, Linux reports times in hundredths of a second. */
const ticksPerSecond = 100

/**
 * Microseconds of processor time of all its threads, in user and system mode.
 *
 * @param {number} pid
 */
export function processorTime(pid) {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the name, in parentheses, and may contain blanks; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / ticksPerSecond
}

/**
 * Resident memory in MiB.
 *
 * @param {number} pid
 */
export function residentMemory(pid) {
  const kilobytes = /^VmRSS:\s*(\d+)/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
