import { composeMail } from '../../src/html/mails/compose-mail.tsx'
import type { Mail } from '../../src/html/mails/mail.ts'
import type { MailContext } from '../../src/html/mails/mail-parts.ts'

/** The issuer of all samples. */
export const mailIssuer = 'https://id.example.com'

/** What the samples contain that somebody must be able to follow or type. */
export const sampleLink = `${mailIssuer}/verify-email?token=q7Yc0mYyJ2mBv0bq8m0nq1H3i6gq2z0pQm5W9cJtXyA`
export const sampleCode = '048213'
export const sampleNotMe = `${mailIssuer}/not-me?token=Jw2m0nq1H3i6gq2z0pQm5W9cJtXyAq7Yc0mYyJ2mBv0`

const at = Date.UTC(2026, 10, 30, 9, 41)

/** Every kind of mail in each of its variants. */
export const mailKinds: Readonly<Record<string, Mail>> = {
  'verification after sign-up': verification('sign-up'),
  'verification of a change': verification('change'),
  'verification again': verification('again'),
  'address in use': { kind: 'address-in-use', signInLink: `${mailIssuer}/sign-in` },
  recovery: { kind: 'recovery', link: sampleLink, minutes: 30 },
  'recovery with a passkey': { kind: 'recovery', link: sampleLink, minutes: 30, sets: 'passkey' },
  'recovery by an operator': { kind: 'recovery-by-operator', minutes: 30, at },
  'password changed by recovery': { kind: 'password-changed', by: 'recovery', at },
  'password changed by a link from an operator': { kind: 'password-changed', by: 'operator-link', at },
  'password changed by the person': { kind: 'password-changed', by: 'person', at },
  'password changed by an operator': { kind: 'password-changed', by: 'operator', at },
  'e-mail changed': { kind: 'email-changed', newEmail: 'grace@example.net', undoLink: sampleLink, days: 7, at },
  'e-mail removed': { kind: 'email-changed', newEmail: undefined, undoLink: sampleLink, days: 7, at },
  'e-mail changed by an operator': { kind: 'email-changed-by-operator', newEmail: 'grace@example.net', at },
  'e-mail removed by an operator': { kind: 'email-changed-by-operator', newEmail: undefined, at },
  'e-mail change undone': { kind: 'email-change-undone', at },
  'user name changed': { kind: 'username-changed', at },
  'sign-in from a new browser': { kind: 'sign-in-from-new-browser', at },
  'passkey added': { kind: 'factor-added', factor: 'passkey', at },
  'one-time codes added': { kind: 'factor-added', factor: 'totp', at },
  'password added': { kind: 'factor-added', factor: 'password', at },
  'passkey removed': { kind: 'factor-removed', factor: 'passkey', by: 'person', at },
  'one-time codes removed': { kind: 'factor-removed', factor: 'totp', by: 'person', at },
  'password removed': { kind: 'factor-removed', factor: 'password', by: 'person', at },
  'all factors removed': { kind: 'factor-removed', factor: 'all', by: 'person', at },
  'all factors removed by an operator': { kind: 'factor-removed', factor: 'all', by: 'operator', at },
  'recovery code used': { kind: 'recovery-code-used', left: 9, at },
  'recovery codes replaced': { kind: 'recovery-codes-replaced', at },
  'codes exhausted': { kind: 'codes-exhausted', at },
  'passkey counter': { kind: 'passkey-counter', at },
  'account deleted': { kind: 'account-deleted', by: 'person', at },
  'account deleted by an operator': { kind: 'account-deleted', by: 'operator', at },
  'link to report something': { kind: 'report-link', at },
  'account reported': { kind: 'account-reported', at },
  invitation: { kind: 'invitation', link: sampleLink, name: 'Ada Lovelace', days: 7 },
  'invitation without a name': { kind: 'invitation', link: sampleLink, name: undefined, days: 1 },
  test: { kind: 'test' },
}

function verification(why: 'sign-up' | 'change' | 'again'): Mail {
  return { kind: 'verification', why, link: sampleLink, code: sampleCode, minutes: 30 }
}

/** An installation with all of its settings. */
export function mailContext({ brand, ...more }: SampleOptions = {}): MailContext {
  return {
    brand: {
      name: 'Example Accounts',
      helpUrl: 'https://example.com/help',
      privacyUrl: 'https://example.com/privacy',
      accentColor: undefined,
      ...brand,
    },
    issuer: mailIssuer,
    locale: 'en',
    to: 'ada@example.org',
    from: { network: '2001:db8::7', device: { browser: 'Firefox', system: 'Windows' } },
    notMe: { link: sampleNotMe, until: at + 7 * 86_400_000 },
    ...more,
  }
}

type SampleOptions = Partial<Omit<MailContext, 'brand'>> & { readonly brand?: Partial<MailContext['brand']> }

/** Every kind of mail, composed. */
export function sampleMails(more: SampleOptions = {}) {
  return Object.entries(mailKinds).map(([about, mail]) => ({ about, mail, ...composeMail(mail, mailContext(more)) }))
}
