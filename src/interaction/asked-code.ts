/** A one-time code from an app, or a recovery code, which stands in for it or for a passkey. */
export type CodeKind = 'one-time-code' | 'recovery-code'

/** Which code a page asks for, and which other one it has a link for. */
export interface AskedCode {
  readonly asksFor: CodeKind | undefined
  readonly alternative: CodeKind | undefined
}

/**
 * Chooses the code that a page asks for. A recovery code is the exception, so the person has to ask for it, unless there is nothing else.
 *
 * @param kinds the codes that are accepted, one-time codes first
 * @param offersPasskey whether the page also has the button for a passkey
 * @param wanted the kind that the person has chosen by a link of the page, as it was received
 */
export function askedCode(kinds: readonly CodeKind[], offersPasskey: boolean, wanted: string | undefined): AskedCode {
  const usual = kinds.includes('one-time-code') || !offersPasskey ? kinds[0] : undefined
  const asksFor = kinds.find((kind) => kind === wanted) ?? usual
  return { asksFor, alternative: kinds.find((kind) => kind !== asksFor) }
}

export function wrongCodeFault(asksFor: string | undefined): 'one_time_code_wrong' | 'recovery_code_wrong' {
  return asksFor === 'recovery-code' ? 'recovery_code_wrong' : 'one_time_code_wrong'
}
