import type { FastifyReply, FastifyRequest } from 'fastify'
import { secretFor } from '../platform/secrets/purpose-secrets.ts'
import type { Signet } from '../signet.ts'
import { continueValue, type Journey, takeUpSealed } from './journey.ts'
import { openOwnPage } from './own-page.ts'

/** Where sign-in and sign-up lead: on with an authorization request, to a page of ours, or to the start page. */
export interface Onward {
  readonly journey: Journey | undefined
  /** What the page's forms and links carry; undefined where they lead to the start page. */
  readonly continueTo: string | undefined
  /** Where the person goes once signed in: never an address that came with the request. */
  readonly href: string
}

/**
 * Takes up what a `continue` value holds.
 *
 * @param sealed undefined where there is none: a sign-in for its own sake
 * @returns undefined when an answer has been sent
 */
export async function takeUpOnward(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  sealed: string | undefined,
): Promise<Onward | undefined> {
  if (sealed === undefined) return { journey: undefined, continueTo: undefined, href: '/' }
  const page = openOwnPage(await secretFor(signet.secrets, 'request-sealing', sealed), sealed)
  if (page !== undefined) return { journey: undefined, continueTo: sealed, href: page }
  const journey = await takeUpSealed(signet, request, reply, sealed)
  return journey && onwardWith(signet, journey)
}

/** On with an authorization request. */
export function onwardWith(signet: Signet, journey: Journey): Onward {
  const continueTo = continueValue(signet, journey.travelling)
  return { journey, continueTo, href: `/authorize?continue=${continueTo}` }
}
