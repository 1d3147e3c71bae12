import { chooseMessages } from '../messages/choose-messages.ts'
import type { MailTexts } from './mail-texts.ts'
import { textsDe } from './texts-de.ts'
import { textsEn } from './texts-en.ts'

export interface MailLanguage {
  readonly texts: MailTexts
  /** A BCP 47 tag: the language of `texts`. */
  readonly locale: string
}

const languages: Readonly<Record<string, MailTexts>> = { en: textsEn, de: textsDe }

/**
 * The language of a mail, chosen as that of a page is.
 *
 * @param wanted BCP 47 tags, separated by spaces, in order of preference. Undefined: English
 */
export function chooseMailTexts(wanted: string | undefined): MailLanguage {
  const { locale } = chooseMessages(wanted, undefined)
  return { texts: languages[locale] ?? textsEn, locale: locale in languages ? locale : 'en' }
}
