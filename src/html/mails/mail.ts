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
  | { readonly kind: 'recovery'; readonly link: string; readonly minutes: number }
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
  | { readonly kind: 'invitation'; readonly link: string; readonly name: string | undefined; readonly days: number }
  | { readonly kind: 'test' }
