import type { Brand } from '../brand.ts'
import type { Mail } from './mail.ts'

export interface ComposedMail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/**
 * Writes a mail in the person's language.
 *
 * @param context.issuer the origin of this installation
 * @param context.locale undefined: English
 */
export function composeMail(
  mail: Mail,
  { brand }: { readonly brand: Brand; readonly issuer: string; readonly locale: string | undefined },
): ComposedMail {
  const lines = Object.entries(mail).map(([name, value]) => `${name}: ${value}`)
  return {
    subject: `${brand.name}: ${mail.kind}`,
    text: `${lines.join('\n')}\n`,
    html: `<p>${lines.join('<br>').replaceAll('&', '&amp;')}</p>`,
  }
}
