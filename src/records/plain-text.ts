import { printableText } from '../protocol/errors/oauth-error.ts'

/** Characters of a name that people read. */
export const longestName = 200

/**
 * Whether a text is one that a person can read and that cannot pass for another: not blank, no control characters, none that
 * turn the direction of what follows, no halves of characters.
 *
 * @param longest characters
 */
export function isPlainText(text: string, longest: number): boolean {
  return [...text].length <= longest && text.trim() !== '' && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text)
}

/** A value within a message: bounded, and in the characters that `error_description` may have (RFC 6749 §5.2). */
export function shown(value: string): string {
  return value.length > 80 ? `${printableText(value.slice(0, 80))}...` : printableText(value)
}

/** Whether a text is the tag of a language (RFC 5646). */
export function isLanguageTag(value: string): boolean {
  try {
    // OpenID Connect Core §5.1: some use an underscore as the separator, and it is to be accepted.
    return Intl.getCanonicalLocales(value.replaceAll('_', '-')).length === 1
  } catch {
    return false
  }
}
