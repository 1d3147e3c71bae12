import { hostname, userInfo } from 'node:os'
import type { Option } from 'commander'
import type { Operator } from '../operations/actor.ts'
import { WrongUsage } from './command-failures.ts'
import { oneValue } from './flags.ts'
import type { Terminal } from './terminal.ts'

/** Maximum length of a reason, in characters. It is recorded in an event. */
const maxLength = 500

/**
 * Who runs this command, as recorded in events: `alice@host`, or `alice@host (as root)` if alice used sudo. The user comes from the
 * operating system, the earlier user from sudo; the host's name is not verified. This is a note for colleagues, not proof: anyone who
 * can run commands has the password of the database and can write any event.
 */
export function operator({ environment }: Pick<Terminal, 'environment'>): Operator {
  const user = userName()
  const before = environment['SUDO_USER']
  const host = hostname().slice(0, 100)
  const isOther = before !== undefined && /^[\w.-]{1,64}$/.test(before) && before !== user
  return { kind: 'operator', by: isOther ? `${before}@${host} (as ${user})` : `${user}@${host}` }
}

export function reasonFlag(): Option {
  return oneValue('--reason <text>', 'reason, recorded in the event')
}

/**
 * Checks the value of `--reason`.
 *
 * @throws WrongUsage if it is empty or too long
 */
export function readReason(reason: string): string
export function readReason(reason: string | undefined): string | undefined
export function readReason(reason: string | undefined): string | undefined {
  if (reason?.trim() === '') throw new WrongUsage('--reason must not be empty.')
  if (reason !== undefined && reason.length > maxLength)
    throw new WrongUsage(`--reason may have at most ${maxLength} characters.`)
  return reason
}

/** In a container, the uid may have no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
