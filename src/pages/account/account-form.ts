import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Fault, faultText, fillText, type Messages, type PageContext } from '../../html/messages/messages.ts'
import { personOf } from '../../interaction/browser-session.ts'
import { browserOf } from '../../platform/http/cookies.ts'
import { requesterOf } from '../../platform/http/request-context.ts'
import { digest } from '../../platform/secrets/digest.ts'
import type { PurposeSecret } from '../../platform/secrets/purpose-secrets.ts'
import { formSubjectProof, isFormAbout } from '../../protocol/http/csrf.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'

/** A form of the account page, sent from that page by the person it spoke to. */
export interface Submission {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly session: Session
  readonly values: ReadonlyMap<string, string>
}

/** What came of a form. `signed_out`: the session has ended in the meantime, and nothing was done. */
export type Outcome =
  | { readonly outcome: 'done'; readonly notice?: Notice }
  | { readonly outcome: 'faulty'; readonly faults: AccountFaults; readonly status: 403 | 422 }
  | { readonly outcome: 'signed_out' }

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

/** What can be wrong with a form of the account page. */
export type AccountFault = Fault | keyof Messages['accountFaults']

/** By the field that it is about; `form` is what is wrong with no field in particular. */
export type AccountFaults = ReadonlyMap<string, AccountFault>

/** A form as the page shows it: the values of its fields, and what is wrong with them. */
export interface FilledForm {
  readonly values: ReadonlyMap<string, string>
  readonly faults: AccountFaults
}

/** What every section with a form is given. */
export interface FormSectionProps {
  readonly page: PageContext
  /** What every form of the page carries. */
  readonly hidden: Readonly<Record<string, string>>
  readonly form: FilledForm
  readonly textOf: (fault: AccountFault, field: string) => string
}

/** What the fields of a form show. The first faulty one has the focus. */
export function fieldsOf({ values, faults }: FilledForm, textOf: FormSectionProps['textOf']) {
  const [firstFaulty] = faults.keys()
  return {
    value: (field: string) => values.get(field),
    fault: (field: string) => {
      const fault = faults.get(field)
      return fault && textOf(fault, field)
    },
    autofocus: (field: string) => field === firstFaulty,
  }
}

/** The numbers in sentences about faults. */
export interface Figures {
  /** In characters. */
  readonly minPasswordLength: number
  /** For `too_many_attempts` and `busy`: when it is worth trying again. */
  readonly retryAfterSeconds?: number | undefined
}

/** What is wrong with a field and what to do about it. */
export function accountFaultText(page: PageContext, fault: AccountFault, field: string, figures: Figures): string {
  const { accountFaults, claims } = page.messages
  if (!has(accountFaults, fault)) return faultText(page, fault, figures)
  return fillText(accountFaults[fault], { field: has(claims, field) ? claims[field] : '' })
}

function has<Section extends object>(section: Section, key: PropertyKey): key is keyof Section {
  return Object.hasOwn(section, key)
}

/** The person of the session, as the actor of an operation. */
export function actorOf({ request, session }: Submission) {
  return personOf(request, session)
}

/** What proving a password has to know of the request. A browser that has no cookie to tell it from others is given one. */
export function provingBrowser({ request, reply }: Submission, issuer: string) {
  return { browserDigest: digest(browserOf(request, reply, issuer)), requester: requesterOf(request, reply) }
}

const proofSubject = (sub: string) => `account:${sub}`

/**
 * Ties the forms of a page to the person it spoke to: another tab may have signed in somebody else meanwhile, and one person's
 * profile must not be written over another's.
 *
 * @param secret the one for CSRF
 */
export function accountProof(secret: PurposeSecret, sub: string): string {
  return formSubjectProof(secret, proofSubject(sub))
}

export function isAbout(secret: PurposeSecret, sub: string, presented: string | undefined): boolean {
  return isFormAbout(secret, proofSubject(sub), presented)
}
