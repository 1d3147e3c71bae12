import { createHash } from 'node:crypto'
import type { Settings } from '../../platform/config/settings.ts'
import { OutgoingRequestFailed } from '../../platform/outgoing-request.ts'
import { fetchRange } from '../../records/accounts/breached-passwords.ts'
import { type Finding, good, skipped, warning } from './finding.ts'
import { reasonOf, stepTimeout } from './reason.ts'

/** Millions of people have had this password stolen, so every collection contains it. */
const stolen = createHash('sha1').update('password').digest('hex').toUpperCase()

/** Whether SIGNET_BREACHED_PASSWORDS_URL answers, and contains what every collection of stolen passwords does. */
export async function checkBreachedPasswords(
  { breachedPasswordsUrl: url }: Pick<Settings, 'breachedPasswordsUrl'>,
  stopSignal: AbortSignal,
): Promise<Finding> {
  if (url === undefined)
    return skipped(
      'breached-passwords',
      'SIGNET_BREACHED_PASSWORDS_URL is not set; new passwords are not compared with stolen ones.',
    )
  const signal = AbortSignal.any([stopSignal, AbortSignal.timeout(stepTimeout)])
  try {
    const sentAt = performance.now()
    const suffixes = await fetchRange(url, stolen.slice(0, 5), signal)
    return judgeRange(url, suffixes.has(stolen.slice(5)), (performance.now() - sentAt) / 1000)
  } catch (error) {
    if (!(error instanceof OutgoingRequestFailed)) throw error
    const { cause } = error
    return warning(
      'breached-passwords',
      `${url} cannot be used: ${cause === undefined ? error.message : reasonOf(cause)}.`,
      'Until it can be reached from here, new passwords are accepted without the check. A firewall or a proxy may be in the way.',
    )
  }
}

/**
 * @param isListed whether the collection contains the password that all of them contain
 * @param seconds how long the response took
 */
export function judgeRange(url: string, isListed: boolean, seconds: number): Finding {
  if (!isListed)
    return warning(
      'breached-passwords',
      `${url} responds, but does not list the password "password", which every collection of stolen passwords contains.`,
      'Check that it is a range API, and that its hashes are SHA-1 and not NTLM.',
    )
  if (seconds > 1)
    return warning(
      'breached-passwords',
      `${url} took ${seconds.toFixed(1)} s to respond. A server waits for 1 s, and then accepts a password without the check.`,
      'Use a mirror that is closer.',
    )
  return good('breached-passwords', `${url} lists stolen passwords.`)
}
