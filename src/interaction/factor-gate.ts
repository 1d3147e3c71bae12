import type { FastifyReply } from 'fastify'
import { ownHref } from '../html/link-target.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { missingClass } from '../tokens/authentication.ts'
import type { OwnPage } from './continue-value.ts'

/** The pages on which people set up a factor, and see their recovery codes. They are reached with a single factor. */
export const setUpPages: readonly OwnPage[] = ['new-passkey', 'new-codes', 'recovery-codes']

/**
 * Sends a person who signed in with a single factor to the page that asks for the second one, or leads to setting one up, if everybody needs two
 * (SIGNET_SECOND_FACTOR). Every page and form that shows or changes something of a signed-in person calls this after `sendToVerification`, except the pages
 * that lead on. Authorization requests have `nextStep` for it.
 *
 * @param continueTo the sealed `continue` value of the page to come back to
 * @returns whether the person was sent there
 */
export function sendToSecondFactor(
  { settings }: Pick<Signet, 'settings'>,
  reply: FastifyReply,
  session: Pick<Session, 'amr'> | undefined,
  continueTo: string | undefined,
): boolean {
  if (!session || !missingClass(session.amr, [], settings.secondFactor === 'required')) return false
  reply.header('cache-control', 'no-store').redirect(ownHref('/step-up', { continue: continueTo }), 303)
  return true
}
