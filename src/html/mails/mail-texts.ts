import type { textsEn } from './texts-en.ts'

/** The texts of one language. Every language has exactly the same keys as English. */
export type MailTexts = {
  readonly [Section in keyof typeof textsEn]: { readonly [Key in keyof (typeof textsEn)[Section]]: string }
}
