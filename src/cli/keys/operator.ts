import { userInfo } from 'node:os'
import type { Option } from 'commander'
import type { Author } from '../../key-ring/decide.ts'
import { WrongUsage } from '../failures.ts'
import { oneValue } from '../flags.ts'

/** Characters of a reason. It stays in the events for ever. */
const most = 500

export function reasonFlag(): Option {
  return oneValue('--reason <text>', 'why, for the event')
}

/**
 * Who gives this command, as the events tell: the user of the operating system.
 *
 * @throws WrongUsage where the reason is none
 */
export function operator(reason: string | undefined): Author {
  if (reason?.trim() === '') throw new WrongUsage('--reason must say something.')
  if (reason !== undefined && reason.length > most)
    throw new WrongUsage(`--reason takes ${most} characters at the most.`)
  return { by: userName(), reason }
}

/** In a container the number may have no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
