import { printableText } from '../protocol/errors/oauth-error.ts'

/** The maximum length of a displayed name, in characters. */
export const maxNameLength = 200

/**
 * Whether a text is readable and cannot imitate another: not blank, without control characters, without characters that change the text
 * direction, and without lone surrogates.
 *
 * @param maxLength in characters
 */
export function isPlainText(text: string, maxLength: number): boolean {
  return (
    [...text].length <= maxLength && text.trim() !== '' && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text)
  )
}

/** A value for use in a message: shortened, and restricted to the characters that `error_description` may contain (RFC 6749 §5.2). */
export function shown(value: string): string {
  return value.length > 80 ? `${printableText(value.slice(0, 80))}...` : printableText(value)
}

/** Whether a text is a language tag (RFC 5646). */
export function isLanguageTag(value: string): boolean {
  try {
    // OpenID Connect Core §5.1: some implementations use an underscore as the separator, which is accepted too.
    return Intl.getCanonicalLocales(value.replaceAll('_', '-')).length === 1
  } catch {
    return false
  }
}
