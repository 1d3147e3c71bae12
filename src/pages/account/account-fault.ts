import type { Fault, Messages } from '../../html/messages/messages.ts'

/** What can be wrong with a form of the account page. */
export type AccountFault = Fault | keyof Messages['accountFaults']

/** By the field that it is about; `form` is what is wrong with no field in particular. */
export type AccountFaults = ReadonlyMap<string, AccountFault>
