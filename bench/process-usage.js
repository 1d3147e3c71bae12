// What a process has used, from /proc (proc(5)); undefined on systems without it.
import { readFileSync } from 'node:fs'

/** Linux has counted in hundredths of a second, for programs, since ever. */
const ticksPerSecond = 100

/**
 * Microseconds of processor time of all its threads, user and system.
 *
 * @param {number} pid
 */
export function processorTime(pid) {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the name, in parentheses, and may hold blanks; utime and stime are the 14th and 15th.
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
