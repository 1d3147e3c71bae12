import { HiddenInputs } from '../../html/form-fields.tsx'
import { fill, fillText, type PageContext } from '../../html/messages/messages.ts'
import { Moment } from '../../html/moment.tsx'
import type { KeepReason } from '../../records/accounts/factor-removal.ts'
import type { FormSectionProps } from './account-form.ts'

/** One-time codes as the page shows them. */
export interface PageTotp {
  readonly createdAt: Date
  readonly usedAt: Date | undefined
  /** Whether they work. They do not if the secret that seals them has been revoked. */
  readonly isUsable: boolean
  /** Why they cannot be removed. */
  readonly kept: KeepReason | undefined
}

export interface CodesSectionProps extends Pick<FormSectionProps, 'page' | 'hidden' | 'textOf'> {
  /** Whether the person has just proven themselves, and can change something. */
  readonly isProven: boolean
  /** Undefined: the account has none. */
  readonly totp: PageTotp | undefined
  readonly timeZone: string | undefined
}

/** One-time codes from an app. */
export function CodesSection({ page, hidden, textOf, isProven, totp, timeZone }: CodesSectionProps) {
  const { security } = page.messages
  const moment = (at: Date) => <Moment page={page} at={at} timeZone={timeZone} />
  if (!totp)
    return (
      <section aria-labelledby="authenticator">
        <h2 id="authenticator">{security.codes}</h2>
        <p class="about">{security.codesLead}</p>
        <a class="button" id="set-up-codes" href="/account/security/codes/new">
          {security.setUpCodes}
        </a>
      </section>
    )
  return (
    <section aria-labelledby="authenticator">
      <h2 id="authenticator">{security.codes}</h2>
      <p class="about">{totp.isUsable ? security.codesOn : security.codesUnusable}</p>
      <p class="about">
        {fill(security.setUpAt, { time: moment(totp.createdAt) })}
        <br />
        {totp.usedAt ? fill(security.used, { time: moment(totp.usedAt) }) : security.unused}
      </p>
      <div class="choice">
        <a class="button" id="set-up-codes" href="/account/security/codes/new">
          {security.replaceCodes}
        </a>
        {isProven && !totp.kept && (
          <form method="post" action="/account/security/codes/remove">
            <HiddenInputs values={hidden} />
            <button class="button" id="remove-codes" type="submit">
              {security.removeCodes}
            </button>
          </form>
        )}
      </div>
      {isProven && totp.kept && <p class="hint">{textOf(totp.kept, 'form')}</p>}
    </section>
  )
}

/** How many recovery codes are left. The codes themselves are shown only once, when they are created. */
export function RecoveryCodesLeft({
  page,
  set,
  timeZone,
}: {
  readonly page: PageContext
  /** Undefined: the account has none. */
  readonly set: { readonly createdAt: Date; readonly left: number } | undefined
  readonly timeZone: string | undefined
}) {
  const { recoveryCodes } = page.messages
  return (
    <section aria-labelledby="recovery">
      <h2 id="recovery">{recoveryCodes.title}</h2>
      <p class="about">{recoveryCodes.about}</p>
      {set ? (
        <p class="about">
          {fillText(recoveryCodes.left, { count: String(set.left) })}
          <br />
          {fill(recoveryCodes.createdAt, { time: <Moment page={page} at={set.createdAt} timeZone={timeZone} /> })}
        </p>
      ) : (
        <p class="about">{recoveryCodes.none}</p>
      )}
      <a class="button" id="renew-recovery-codes" href="/account/security/recovery-codes">
        {recoveryCodes.renew}
      </a>
    </section>
  )
}
