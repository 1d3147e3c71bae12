import { faultText, fillText, type PageContext } from '../../html/messages/messages.ts'
import type { AccountFault, AccountFaults } from './account-fault.ts'

/** A form as the page has it: what stands in its fields, and what is wrong with them. */
export interface FilledForm {
  readonly values: ReadonlyMap<string, string>
  readonly faults: AccountFaults
}

/** What goes into a sentence about a fault. */
export interface Figures {
  /** In characters. */
  readonly minPasswordLength: number
  /** For `too_many_attempts` and `busy`: when it is worth trying again. */
  readonly retryAfterSeconds?: number | undefined
}

/** What is wrong with a field and what to do about it. */
export function accountFaultText(page: PageContext, fault: AccountFault, field: string, figures: Figures): string {
  const { accountFaults, claims } = page.messages
  if (!has(accountFaults, fault)) return faultText(page, fault, figures)
  return fillText(accountFaults[fault], { field: has(claims, field) ? claims[field] : '' })
}

function has<Section extends object>(section: Section, key: PropertyKey): key is keyof Section {
  return Object.hasOwn(section, key)
}
