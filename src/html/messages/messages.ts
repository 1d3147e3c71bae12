import type { en } from './en.ts'

/** The sentences of one language: every language has exactly the keys of English. */
export type Messages = {
  readonly [Section in keyof typeof en]: { readonly [Key in keyof (typeof en)[Section]]: string }
}

/** What can be wrong with what a person typed: the key of its sentence. */
export type Fault = Exclude<keyof Messages['faults'], 'retry_in' | 'retry_later'>
