import type { Mail } from './mail.ts'
import { mailContent } from './mail-content.ts'
import { mailDocument } from './mail-document.tsx'
import type { MailContext } from './mail-parts.ts'
import { mailText } from './mail-text.ts'

export interface ComposedMail {
  /** One line. */
  readonly subject: string
  readonly text: string
  /** A whole document. It loads nothing from elsewhere. */
  readonly html: string
}

/**
 * Writes a mail in the language of the person.
 *
 * @throws if a link leads away from the issuer: a bug in the caller
 */
export function composeMail(mail: Mail, context: MailContext): ComposedMail {
  const content = mailContent(mail, context)
  return {
    subject: content.subject,
    text: mailText(content),
    html: mailDocument(content, context.brand.accentColor),
  }
}
