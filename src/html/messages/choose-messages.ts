import Negotiator from 'negotiator'
import { de } from './de.ts'
import { en } from './en.ts'
import type { Messages, PageLanguage } from './messages.ts'

const languages: ReadonlyMap<string, Messages> = new Map<string, Messages>([
  ['en', en],
  ['de', de],
])

/** The language tags of the pages, for `ui_locales_supported` (OpenID Connect Discovery §3). */
export const uiLocales: readonly string[] = [...languages.keys()]

/** Nobody lists more languages or uses longer tags than this (RFC 5646 §4.4.1). The rest of a longer header is not read. */
const maxPreferences = 32
const maxRangeLength = 100

/**
 * The language of a page: the one the application asked for, otherwise the browser's, otherwise English. Asking for a language that
 * is not available is not an error (OpenID Connect Core §3.1.2.1, `ui_locales`).
 *
 * @param uiLocales BCP 47 tags, separated by spaces, in order of preference
 * @param acceptLanguage the header of that name, RFC 9110 §12.5.4
 */
export function chooseMessages(uiLocales: string | undefined, acceptLanguage: string | undefined): PageLanguage {
  const wanted = (uiLocales ?? '').split(' ', maxPreferences)
  for (const range of [...wanted, ...rangesByWeight(acceptLanguage ?? '')]) {
    const found = lookUp(range)
    if (found) return found
  }
  return { messages: en, locale: 'en' }
}

/** RFC 4647 §3.4: a range is shortened from its end until a language matches, so `de-AT` finds `de`. Tags ignore case (RFC 5646 §2.1.1). */
function lookUp(range: string): PageLanguage | undefined {
  // OpenID Connect Core §5.1: some write `de_CH`, also in profiles.
  const subtags = range.trim().slice(0, maxRangeLength).toLowerCase().replaceAll('_', '-').split('-', 8)
  for (; subtags.length > 0; subtags.pop()) {
    const locale = subtags.join('-')
    const messages = languages.get(locale)
    if (messages) return { messages, locale }
  }
  return undefined
}

/** RFC 9110 §12.4.2: a weight is between 0 and 1, with at most three decimals. Negotiator accepts any number. */
const faultyWeight = /;\s*q=(?!(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$))/i

/** The ranges of an Accept-Language header in order of preference, without those of weight 0 ("not acceptable"). */
function rangesByWeight(header: string): string[] {
  const preferences = header.split(',', maxPreferences).filter((preference) => !faultyWeight.test(preference))
  return new Negotiator({ headers: { 'accept-language': preferences.join(',') } }).languages()
}
