/** The checkbox of the password form: whether the access of all applications ends, too. */
export const applicationsChoice = 'end-applications'

/**
 * A hidden field that the form always carries. A browser does not send a checkbox without its tick, so this tells a form in which the
 * person took the tick away from one that never had the checkbox.
 */
export const offersApplications = { 'end-applications-offered': '1' } as const

/** Whether all applications are to be signed out: unless the person was asked and took the tick away. */
export function wantsApplicationsEnded(values: ReadonlyMap<string, string>): boolean {
  const wasOffered = Object.keys(offersApplications).every((name) => values.has(name))
  return values.has(applicationsChoice) || !wasOffered
}
