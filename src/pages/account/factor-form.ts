import type { FastifyReply, FastifyRequest } from 'fastify'
import { continueValueIn, type OwnPage, sealOwnPage } from '../../interaction/continue-value.ts'
import { requireFreshProof } from '../../interaction/fresh-proof.ts'
import { continuationOf } from '../../interaction/interaction.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import type { KeepReason } from '../../records/accounts/factor-removal.ts'
import { kindsOf } from '../../records/accounts/factors.ts'
import { type Factor, listFactors } from '../../records/accounts/factors-store.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { type Notice, type Outcome, refused } from './account-form.ts'

/** The reply to a request of somebody who is signed in. */
interface Visit {
  readonly reply: FastifyReply
  readonly session: Session
}

/** A page that only somebody sees who has proven themselves recently. */
export interface ProtectedPage {
  readonly page: OwnPage
  /** The `continue` value of what follows the page. */
  readonly next?: string | undefined
}

/**
 * Everything that the account can be signed in to with, if the person has proven themselves recently with the strongest of it.
 *
 * @returns undefined if the person has been sent to the page where they can prove themselves, and from there to `destination`
 */
export async function provenFactors(
  signet: Signet,
  { reply, session }: Visit,
  { page, next }: ProtectedPage,
): Promise<readonly Factor[] | undefined> {
  const factors = await listFactors(signet.database, session.account.sub)
  const continueTo = sealOwnPage(signet.secrets['request-sealing'], page, undefined, next)
  return requireFreshProof(signet, reply, session, kindsOf(factors), continueTo) ? factors : undefined
}

/**
 * The outcome of a form about something that the account has, on the page of all of it.
 *
 * @param done what was done, as an operation reports it
 * @param notice if it was done
 */
export async function securityOutcome(
  signet: Signet,
  visit: Visit,
  done: 'removed' | 'renamed' | 'added' | 'exists' | 'off' | 'gone' | 'stale' | 'signed_out' | KeepReason,
  notice: Notice,
): Promise<Outcome> {
  switch (done) {
    case 'removed':
    case 'renamed':
    case 'added':
      return { outcome: 'done', notice }
    case 'gone':
    case 'exists':
      return { outcome: 'done', notice: 'factor-gone' }
    case 'off':
      return { outcome: 'done' }
    case 'signed_out':
      return { outcome: 'signed_out' }
    case 'stale':
      return staleOutcome(signet, visit, { page: 'security' })
    default:
      return refused({ form: done })
  }
}

/** A factor was added in another browser between the first check and the operation: the person proves that one now. */
export async function staleOutcome(signet: Signet, visit: Visit, page: ProtectedPage): Promise<Outcome> {
  return (await provenFactors(signet, visit, page)) ? { outcome: 'done' } : { outcome: 'replied' }
}

/**
 * The `continue` value with which a page was opened. The form of the page carries it along.
 *
 * @param values of the form, if it has just been refused
 * @throws OAuthError if Signet did not seal it
 */
export async function nextOf(
  signet: Signet,
  request: FastifyRequest<{ Querystring: Parameters }>,
  values: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const next = values.get('continue') ?? continueValueIn(request.query)
  await whereNext(signet, next)
  return next
}

/**
 * Where a `continue` value leads; undefined without one.
 *
 * @throws OAuthError if Signet did not seal it
 */
export async function whereNext(signet: Signet, next: string | undefined): Promise<string | undefined> {
  return next === undefined ? undefined : (await continuationOf(signet, next)).href
}
