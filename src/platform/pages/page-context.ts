import type { Messages } from './messages/messages.ts'

/** What every page is handed: the language it speaks, as `chooseMessages` gives it. */
export interface PageContext {
  readonly messages: Messages
  /** A BCP 47 tag: the language of `messages`. */
  readonly locale: string
}
