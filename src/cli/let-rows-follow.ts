import { finishDecision, finishEndings } from '../operations/finish-endings.ts'
import type { Decided, EndedRows } from '../records/endings/decide-ending.ts'
import type { Signet } from '../signet.ts'
import type { Terminal } from './terminal.ts'

const continues = 'This is in effect now. Updating all records takes longer; running servers continue with it.'

/** @returns a note where rows of what a command has ended are left */
export async function letRowsFollow(
  signet: Pick<Signet, 'database'>,
  { asked }: Pick<Terminal, 'asked'>,
): Promise<string[]> {
  const { left } = await finishEndings(signet, asked)
  return left ? [continues] : []
}

/** @returns how many sessions and grants have ended by one decision; with `left` there are more than that, and `notes` says so */
export async function countAsRowsFollow(
  signet: Pick<Signet, 'database'>,
  { asked }: Pick<Terminal, 'asked'>,
  decided: Decided,
): Promise<{ readonly ended: EndedRows; readonly notes: string[] }> {
  const ended = await finishDecision(signet, asked, decided)
  return { ended, notes: ended.left ? [`${continues} The number is of those counted so far.`] : [] }
}
