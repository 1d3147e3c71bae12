import type { Messages } from './messages/messages.ts'

/** What every page is given: the language it is written in, as `chooseMessages` finds it. */
export interface PageContext {
  readonly messages: Messages
  /** A BCP 47 tag: the language of `messages`. */
  readonly locale: string
}
