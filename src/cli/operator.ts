import { hostname, userInfo } from 'node:os'
import type { Option } from 'commander'
import type { Operator } from '../operations/actor.ts'
import { WrongUsage } from './command-failures.ts'
import { oneValue } from './flags.ts'
import type { Terminal } from './terminal.ts'

/** Characters of a reason. It stays in the events for ever. */
const most = 500

/**
 * Who gives this command, as the events tell it: `alice@host`, or `alice@host (as root)` if alice came by sudo. The operating system
 * vouches for the user, sudo for who that was before, and nobody for the host's name. It is a note for colleagues and no proof:
 * whoever can give commands has the password of the database and can write any event.
 */
export function operator({ environment }: Pick<Terminal, 'environment'>): Operator {
  const user = userName()
  const before = environment['SUDO_USER']
  const host = hostname().slice(0, 100)
  const isOther = before !== undefined && /^[\w.-]{1,64}$/.test(before) && before !== user
  return { kind: 'operator', by: isOther ? `${before}@${host} (as ${user})` : `${user}@${host}` }
}

export function reasonFlag(): Option {
  return oneValue('--reason <text>', 'why, for the event')
}

/**
 * What `--reason` says.
 *
 * @throws WrongUsage if it is empty or too long
 */
export function readReason(reason: string): string
export function readReason(reason: string | undefined): string | undefined
export function readReason(reason: string | undefined): string | undefined {
  if (reason?.trim() === '') throw new WrongUsage('--reason must say something.')
  if (reason !== undefined && reason.length > most)
    throw new WrongUsage(`--reason takes ${most} characters at the most.`)
  return reason
}

/** In a container the number may have no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
