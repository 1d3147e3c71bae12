import { de } from './de.ts'
import { en } from './en.ts'
import type { Messages, PageContext } from './messages.ts'

const languages: ReadonlyMap<string, Messages> = new Map<string, Messages>([
  ['en', en],
  ['de', de],
])

/** The tags of the languages the pages speak, for `ui_locales_supported` (OpenID Connect Discovery §3). */
export const uiLocales: readonly string[] = [...languages.keys()]

/** Nobody means more languages than this; what stands behind them is not worth the time. */
const mostPreferences = 32

/**
 * The language of a page: the application's wish, else the browser's, else English. A language that is not spoken here is
 * no error (OpenID Connect Core §3.1.2.1, `ui_locales`).
 *
 * @param uiLocales BCP 47 tags, separated by spaces, the most wanted first
 * @param acceptLanguage the header of that name, RFC 9110 §12.5.4
 */
export function chooseMessages(uiLocales: string | undefined, acceptLanguage: string | undefined): PageContext {
  const wanted = (uiLocales ?? '').split(' ', mostPreferences)
  for (const range of [...wanted, ...rangesByQuality(acceptLanguage ?? '')]) {
    const found = lookUp(range)
    if (found) return found
  }
  return { messages: en, locale: 'en' }
}

/** RFC 4647 §3.4: a range is cut from its end until a language fits, so `de-AT` finds `de`. Tags ignore case (RFC 5646 §2.1.1). */
function lookUp(range: string): PageContext | undefined {
  // OpenID Connect Core §5.1: some write `de_CH`, and a profile may.
  const subtags = range.trim().toLowerCase().replaceAll('_', '-').split('-', 8)
  for (; subtags.length > 0; subtags.pop()) {
    const locale = subtags.join('-')
    const messages = languages.get(locale)
    if (messages) return { messages, locale }
  }
  return undefined
}

/** The ranges of an Accept-Language header, best first. RFC 9110 §12.4.2: q is 1 where it is not given, and 0 means "not this". */
function rangesByQuality(header: string): string[] {
  return header
    .split(',', mostPreferences)
    .map((preference) => {
      const [range = '', ...parameters] = preference.split(';').map((part) => part.trim())
      const q = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2)
      return { range, quality: q === undefined ? 1 : /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q) ? Number(q) : 0 }
    })
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality)
    .map(({ range }) => range)
}
