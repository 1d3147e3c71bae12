import { canonicalEmail } from './canonical-email.ts'
import { foldUsername } from './canonical-username.ts'

/** What somebody typed to name an account, in the forms in which accounts are looked up by it. */
export interface TypedName {
  /** As it was typed. */
  readonly typed: string
  /** What names an account that nobody has, in limits: all spellings of one name have the same. */
  readonly key: string
  /**
   * What the stored names in `lower(… COLLATE "C")` are compared with, the exact spelling first. The canonical form; and the text as it was
   * typed, because some names from before there was a canonical form are stored as they were. A name that cannot be one has only the
   * latter, and goes the same way as all others.
   */
  readonly keys: readonly string[]
}

/** @param typed a user name or an e-mail address, without white space around it */
export function typedName(typed: string): TypedName {
  const spelled = asciiLowerCase(typed)
  const canonical = /[@＠]/.test(typed) ? canonicalEmail(typed) : foldUsername(typed)
  const key = canonical === undefined ? spelled : asciiLowerCase(canonical)
  return { typed, key, keys: key === spelled ? [key] : [spelled, key] }
}

/** As PostgreSQL's `lower(… COLLATE "C")` does it: A to Z alone, whatever the locale of a database is. */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** Whether two canonical names, or names as they are stored, are the same. */
export function isSameName(one: string, other: string): boolean {
  return asciiLowerCase(one) === asciiLowerCase(other)
}
