import type { FastifyReply, FastifyRequest } from 'fastify'
import { browserOf } from '../../platform/http/cookies.ts'
import { requesterOf } from '../../platform/http/request-context.ts'
import { digest } from '../../platform/secrets/digest.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { AccountFaults } from './account-fault.ts'

/** A form of the account page, sent from that page by the person it spoke to. */
export interface Submission {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly session: Session
  readonly values: ReadonlyMap<string, string>
}

/** What proving a password has to know of the request. The browser is given the cookie that tells it from others if it has none. */
export function provingBrowser({ request, reply }: Submission, issuer: string) {
  return { browserDigest: digest(browserOf(request, reply, issuer)), requester: requesterOf(request, reply) }
}

/** What the page says once something is done: a fixed key, never a text that comes with an address. */
export type Notice =
  | 'profile-saved'
  | 'sign-in-saved'
  | 'password-changed'
  | 'password-changed-applications-kept'
  | 'session-ended'
  | 'others-ended'
  | 'disconnected'
  | 'other-account'

/** What came of a form. `signed_out`: the session has ended in the meantime, and nothing was done. */
export type Outcome =
  | { readonly outcome: 'done'; readonly notice?: Notice }
  | { readonly outcome: 'faulty'; readonly faults: AccountFaults; readonly status: 403 | 422 }
  | { readonly outcome: 'signed_out' }
