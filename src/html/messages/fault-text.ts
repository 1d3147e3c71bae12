import type { PageContext } from '../page-context.ts'
import { durationInWords } from './duration-in-words.ts'
import { fillText } from './fill.ts'
import type { Fault } from './messages.ts'

/** Faults that pass by themselves: their sentence says when. */
const passing: ReadonlySet<Fault> = new Set<Fault>(['too_many_attempts', 'busy'])

interface Figures {
  readonly retryAfterSeconds?: number | undefined
  /** In characters. */
  readonly minPasswordLength?: number | undefined
}

/** What went wrong and what to do about it, as a sentence or two. */
export function faultText({ messages, locale }: PageContext, fault: Fault, figures: Figures = {}): string {
  const { faults } = messages
  const { retryAfterSeconds, minPasswordLength } = figures
  const said = fillText(faults[fault], { min: String(minPasswordLength ?? '') })
  if (!passing.has(fault)) return said
  if (retryAfterSeconds === undefined) return `${said} ${faults.retry_later}`
  return `${said} ${fillText(faults.retry_in, { time: durationInWords(retryAfterSeconds, locale) })}`
}
