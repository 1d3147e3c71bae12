import type { FastifyReply } from 'fastify'
import { ownHref } from '../html/link-target.ts'
import { isFreshlyProven } from '../records/accounts/factors.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'

/**
 * Sends a person who has not proven themselves within the last ten minutes, with the strongest factor of their account or a recovery code, to the page where
 * they can. Every page and form that changes what a stolen session must not change calls this.
 *
 * @param kinds of all credentials of the account
 * @param continueTo the sealed `continue` value of the page to come back to. The content of a form is lost.
 * @returns true if the proof is fresh; false if the person was sent to `/step-up`, so that the caller must do nothing else
 */
export function requireFreshProof(
  { clock }: Pick<Signet, 'clock'>,
  reply: FastifyReply,
  session: Session,
  kinds: readonly string[],
  continueTo: string,
): boolean {
  if (isFreshlyProven(session, kinds, clock.now())) return true
  reply.header('cache-control', 'no-store').redirect(ownHref('/step-up', { continue: continueTo }), 303)
  return false
}
