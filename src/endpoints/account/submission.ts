import type { FastifyReply, FastifyRequest } from 'fastify'
import { browserOf } from '../../platform/http/cookies.ts'
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

/** Of the cookie that tells the browser from others; it is given one where it has none. */
export function browserDigestOf({ request, reply }: Submission, issuer: string): Buffer {
  return digest(browserOf(request, reply, issuer))
}

/** What the page says once something is done: a fixed key, never a text that comes with an address. */
export type Notice =
  | 'profile-saved'
  | 'sign-in-saved'
  | 'password-changed'
  | 'session-ended'
  | 'others-ended'
  | 'disconnected'
  | 'other-account'

/** What came of a form. `signed_out`: the session has ended in the meantime, and nothing was done. */
export type Outcome =
  | { readonly outcome: 'done'; readonly notice?: Notice }
  | { readonly outcome: 'faulty'; readonly faults: AccountFaults; readonly status: 403 | 422 }
  | { readonly outcome: 'signed_out' }
