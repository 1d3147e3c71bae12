/** What a mail is about, with the values that its text needs. Times are milliseconds since 1970. */
export type Mail =
  /** `why`: the person has just signed up, wants to change to this address, or has asked for another mail. */
  | {
      readonly kind: 'verification'
      readonly why: 'sign-up' | 'change' | 'again'
      readonly link: string
      readonly code: string
      readonly minutes: number
    }
  /** Instead of a verification, if another account has verified the address: somebody entered it at sign-up or for their account. */
  | { readonly kind: 'address-in-use'; readonly signInLink: string }
  /** `sets`: what the link lets the person set. By default, and in mails of the previous release, it is a password. */
  | {
      readonly kind: 'recovery'
      readonly sets?: 'passkey'
      readonly link: string
      readonly minutes: number
    }
  /** An operator has made a link to set a new password, to hand over. */
  | { readonly kind: 'recovery-by-operator'; readonly at: number; readonly minutes: number }
  /** `recovery`: by a link that was mailed; `operator-link`: by one that an operator had handed over. */
  | {
      readonly kind: 'password-changed'
      readonly by: 'recovery' | 'operator-link' | 'person' | 'operator'
      readonly at: number
    }
  /** To the previous address. `newEmail` is shown in part only; undefined if the address was removed. */
  | {
      readonly kind: 'email-changed'
      readonly newEmail: string | undefined
      readonly undoLink: string
      readonly days: number
      readonly at: number
    }
  /** To the previous address. No link undoes what an operator decided. */
  | { readonly kind: 'email-changed-by-operator'; readonly newEmail: string | undefined; readonly at: number }
  /** To the address that the account no longer has, because the change to it was undone, or the person returned to an earlier one. */
  | { readonly kind: 'email-change-undone'; readonly at: number }
  | { readonly kind: 'username-changed'; readonly at: number }
  | { readonly kind: 'sign-in-from-new-browser'; readonly at: number }
  /** `password`: the account had none. */
  | { readonly kind: 'factor-added'; readonly factor: 'passkey' | 'totp' | 'password'; readonly at: number }
  /** `all`: all passkeys and codes. An operator removes `all`. */
  | {
      readonly kind: 'factor-removed'
      readonly factor: 'passkey' | 'totp' | 'password' | 'all'
      readonly by: 'person' | 'operator'
      readonly at: number
    }
  /** `left`: how many codes have not been used. */
  | { readonly kind: 'recovery-code-used'; readonly left: number; readonly at: number }
  | { readonly kind: 'recovery-codes-replaced'; readonly at: number }
  /** Somebody knew the password, and then entered as many wrong codes as are allowed in a day. */
  | { readonly kind: 'codes-exhausted'; readonly at: number }
  /** The counter of a passkey went back, so it was refused (Web Authentication Level 3 §6.1.1). */
  | { readonly kind: 'passkey-counter'; readonly at: number }
  | { readonly kind: 'account-deleted'; readonly by: 'person' | 'operator'; readonly at: number }
  /** Somebody in the account asked for a link to report something that happened in it. The link is the one in `MailContext`. */
  | { readonly kind: 'report-link'; readonly at: number }
  /** Somebody reported that something in the account was not them, and proved it. Everybody was signed out. */
  | { readonly kind: 'account-reported'; readonly at: number }
  | { readonly kind: 'invitation'; readonly link: string; readonly name: string | undefined; readonly days: number }
  | { readonly kind: 'test' }
