import Negotiator from 'negotiator'
import { de } from './de.ts'
import { en } from './en.ts'
import type { Messages, PageContext } from './messages.ts'

const languages: ReadonlyMap<string, Messages> = new Map<string, Messages>([
  ['en', en],
  ['de', de],
])

/** The tags of the languages the pages speak, for `ui_locales_supported` (OpenID Connect Discovery §3). */
export const uiLocales: readonly string[] = [...languages.keys()]

/** Nobody names more languages than this, or longer tags (RFC 5646 §4.4.1): more than this is not read, however long a header is. */
const mostPreferences = 32
const longestRange = 100

/**
 * The language of a page: the application's wish, else the browser's, else English. A language that is not spoken here is
 * no error (OpenID Connect Core §3.1.2.1, `ui_locales`).
 *
 * @param uiLocales BCP 47 tags, separated by spaces, the most wanted first
 * @param acceptLanguage the header of that name, RFC 9110 §12.5.4
 */
export function chooseMessages(uiLocales: string | undefined, acceptLanguage: string | undefined): PageContext {
  const wanted = (uiLocales ?? '').split(' ', mostPreferences)
  for (const range of [...wanted, ...rangesByWeight(acceptLanguage ?? '')]) {
    const found = lookUp(range)
    if (found) return found
  }
  return { messages: en, locale: 'en' }
}

/** RFC 4647 §3.4: a range is cut from its end until a language fits, so `de-AT` finds `de`. Tags ignore case (RFC 5646 §2.1.1). */
function lookUp(range: string): PageContext | undefined {
  // OpenID Connect Core §5.1: some write `de_CH`, and a profile may.
  const subtags = range.trim().slice(0, longestRange).toLowerCase().replaceAll('_', '-').split('-', 8)
  for (; subtags.length > 0; subtags.pop()) {
    const locale = subtags.join('-')
    const messages = languages.get(locale)
    if (messages) return { messages, locale }
  }
  return undefined
}

/** RFC 9110 §12.4.2: a weight is between 0 and 1, with three decimals at most. Negotiator takes any number. */
const faultyWeight = /;\s*q=(?!(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$))/i

/** The ranges of an Accept-Language header, best first, without those that have a weight of 0: "not this". */
function rangesByWeight(header: string): string[] {
  const preferences = header.split(',', mostPreferences).filter((preference) => !faultyWeight.test(preference))
  return new Negotiator({ headers: { 'accept-language': preferences.join(',') } }).languages()
}
