import { finishDecision, finishEndings } from '../operations/finish-endings.ts'
import type { Decided, EndedRows } from '../records/endings/decide-ending.ts'
import type { Signet } from '../signet.ts'
import type { Terminal } from './terminal.ts'

const continues = 'This is in effect now. Some records are not updated yet; running servers will update them.'

/** @returns a note if records of what a command has ended are not updated yet */
export async function updateEndedRecords(
  signet: Pick<Signet, 'database'>,
  { stopSignal }: Pick<Terminal, 'stopSignal'>,
): Promise<string[]> {
  const { left } = await finishEndings(signet, stopSignal)
  return left ? [continues] : []
}

/** @returns how many sessions and grants one decision has ended; with `left` there are more than that, and `notes` says so */
export async function updateAndCountEnded(
  signet: Pick<Signet, 'database'>,
  { stopSignal }: Pick<Terminal, 'stopSignal'>,
  decided: Decided,
): Promise<{ readonly ended: EndedRows; readonly notes: string[] }> {
  const ended = await finishDecision(signet, stopSignal, decided)
  return { ended, notes: ended.left ? [`${continues} The numbers count only the records updated so far.`] : [] }
}
