import { shownName } from '../account-and-client.tsx'
import { fillText } from '../messages/messages.ts'
import { chooseMailTexts } from './choose-mail-texts.ts'
import type { Mail } from './mail.ts'
import { addressIfAny, type Block, type MailContext, paragraph, partsOf } from './mail-parts.ts'
import type { MailTexts } from './mail-texts.ts'

/** A mail from which both of its parts are made, so that they say the same. */
export interface MailContent {
  readonly locale: string
  readonly texts: MailTexts
  readonly subject: string
  readonly heading: string
  readonly body: readonly Block[]
  readonly footer: readonly Block[]
  /** What the placeholders in all texts stand for. */
  readonly values: Readonly<Record<string, string>>
}

/**
 * What a mail says, in the language of the person.
 *
 * @throws if a link leads away from the issuer: a bug in the caller
 */
export function mailContent(mail: Mail, context: MailContext): MailContent {
  const { locale, texts } = chooseMailTexts(context.locale)
  const name = shownName(context.brand.name)
  const { subject, heading, body, values } = partsOf(mail, texts, context, locale)
  for (const block of body)
    if (block.as === 'button' && !block.href.startsWith(`${context.issuer}/`))
      throw new Error(`A mail of kind ${mail.kind} has a link that leads away from the issuer.`)
  return {
    locale,
    texts,
    // Only the name of the installation, because somebody could sign up with another person's address and a name that is an advertisement.
    subject: fillText(subject, { name }),
    heading,
    body,
    footer: [
      paragraph(texts.common.sentBy),
      ...addressIfAny(texts.common.help, context.brand.helpUrl),
      ...addressIfAny(texts.common.privacy, context.brand.privacyUrl),
    ],
    values: { name, host: new URL(context.issuer).host, to: shownName(context.to), ...values },
  }
}
