import { canonicalEmail } from './canonical-email.ts'
import { foldUsername } from './canonical-username.ts'

/** What somebody typed to name an account, in the forms in which accounts are looked up by it. */
export interface TypedName {
  /** As it was typed. */
  readonly typed: string
  /**
   * What stored names are compared with, in `lower(… COLLATE "C")`: the canonical form. All spellings of one name have the same, so it also
   * names what nobody has, in limits. For a text that cannot be a name it is the text; that goes the same way as all others.
   */
  readonly key: string
  /** The same of the text as it was typed: some names from before there was a canonical form are stored as they were. */
  readonly spelled: string
}

/** @param typed a user name or an e-mail address, without white space around it */
export function typedName(typed: string): TypedName {
  const spelled = asciiLowerCase(typed)
  const canonical = /[@＠]/.test(typed) ? canonicalEmail(typed) : foldUsername(typed)
  const key = canonical === undefined ? spelled : asciiLowerCase(canonical)
  return { typed, key, spelled }
}

/** As PostgreSQL's `lower(… COLLATE "C")` does it: A to Z alone, whatever the locale of a database is. */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/**
 * Whether a canonical name is the one on record, which an earlier release has stored in another form. It is converted in its own time:
 * to store the canonical form here would be a change to another name.
 */
export function isStillToConvert(stored: string | undefined, canonical: string | undefined): boolean {
  if (stored === undefined || canonical === undefined) return false
  const { key, spelled } = typedName(stored)
  return key === asciiLowerCase(canonical) && key !== spelled
}
