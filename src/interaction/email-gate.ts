import type { FastifyReply } from 'fastify'
import { ownHref } from '../html/link-target.ts'
import { mustVerifyEmail } from '../records/accounts/email-verification-rule.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'

/**
 * Sends a person who must verify their e-mail address first to the page for that. Every page and form that shows or changes something of a signed-in
 * person calls this, except the page itself and signing out. Authorization requests have `nextStep` for it.
 *
 * @param continueTo the sealed `continue` value of the page to come back to
 * @returns whether the person was sent there
 */
export function sendToVerification(
  { settings }: Pick<Signet, 'settings'>,
  reply: FastifyReply,
  session: Pick<Session, 'account'> | undefined,
  continueTo: string | undefined,
): boolean {
  if (!session || !mustVerifyEmail(settings, session.account)) return false
  reply.header('cache-control', 'no-store').redirect(ownHref('/verify-email', { continue: continueTo }), 303)
  return true
}
