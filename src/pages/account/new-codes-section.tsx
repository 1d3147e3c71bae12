import { Field, HiddenInputs } from '../../html/form-fields.tsx'
import { ownHref } from '../../html/link-target.ts'
import { fill } from '../../html/messages/messages.ts'
import { type QrCode, QrCodeImage } from '../../html/qr-code.tsx'
import { type FormSectionProps, fieldsOf } from './account-form.ts'

export interface NewCodesSectionProps extends Omit<FormSectionProps, 'hidden'> {
  readonly hidden: Readonly<Record<string, string | undefined>>
  /** The `continue` value of what follows. */
  readonly next: string | undefined
  readonly qrCode: QrCode
  /** The `otpauth:` link that is in the QR code. */
  readonly uri: string
  /** The secret in base32. */
  readonly secret: string
  /** Whether the account has one-time codes, which the new ones will replace. */
  readonly replaces: boolean
  /** Whether the account has a password, after which codes are asked for. */
  readonly hasPassword: boolean
  /** Whether the person can create a passkey instead. */
  readonly offersPasskey: boolean
}

export function NewCodesSection(props: NewCodesSectionProps) {
  const { page, form, textOf, hidden, next, qrCode, uri, secret, replaces, hasPassword, offersPasskey } = props
  const { security } = page.messages
  const { fault, autofocus } = fieldsOf(form, textOf)
  return (
    <section>
      {!hasPassword && <p class="about">{security.codesNeedPassword}</p>}
      {hasPassword && (
        <form method="post" action="/account/security/codes/new">
          <HiddenInputs values={hidden} />
          <p class="about">{security.codesLead}</p>
          {replaces && <p class="about">{security.replacesCodes}</p>}
          <ol class="set-up">
            <li>
              <p>{security.scan}</p>
              <QrCodeImage code={qrCode} label={security.qrCode} />
              <a class="button" id="open-app" href={uri}>
                {security.openApp}
              </a>
              <p>{fill(security.key, { key: <code id="totp-key">{grouped(secret)}</code> })}</p>
            </li>
            <li>
              <p>{security.enterCode}</p>
              <Field
                id="code"
                label={security.code}
                inputmode="numeric"
                autocomplete="one-time-code"
                required
                fault={fault('code')}
                autofocus={autofocus('code')}
              />
            </li>
          </ol>
          <p class="about">{security.endsSessions}</p>
          <button class="button primary" id="confirm-codes" type="submit">
            {security.confirmCodes}
          </button>
        </form>
      )}
      <ul class="links">
        {offersPasskey && (
          <li>
            <a id="passkey-instead" href={ownHref('/account/security/passkeys/new', { continue: next })}>
              {security.passkeyInstead}
            </a>
          </li>
        )}
        {next === undefined && (
          <li>
            <a href="/account/security">{security.back}</a>
          </li>
        )}
      </ul>
    </section>
  )
}

/** In groups of four, because people type it letter by letter. Apps ignore the spaces. */
function grouped(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(' ') ?? ''
}
