import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ComponentChildren } from 'preact'
import { type Fault, faultText, fillText, type Messages, type PageContext } from '../../html/messages/messages.ts'
import { personOf } from '../../interaction/browser-session.ts'
import { browserOf } from '../../platform/http/cookies.ts'
import { requesterOf } from '../../platform/http/request-context.ts'
import { digest } from '../../platform/secrets/digest.ts'
import type { Upload } from '../../protocol/http/upload.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'

/** A submitted form of an account page. It was sent from that page by the person it was shown to. */
export interface Submission {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly session: Session
  readonly values: ReadonlyMap<string, string>
  /** The file of a form for one (`upload` in its definition). */
  readonly file?: Upload['file']
}

/** The result of a form. */
export type Outcome =
  /** @property path the page that follows; default: the page of the form */
  | { readonly outcome: 'done'; readonly notice?: Notice; readonly path?: string }
  /** A mail was sent: the page that takes its code is next. */
  | { readonly outcome: 'mailed' }
  | { readonly outcome: 'faulty'; readonly faults: AccountFaults; readonly status: 403 | 422 }
  /** The content of the page, for what is shown only once and therefore cannot follow a redirect. */
  | { readonly outcome: 'shown'; readonly content: ComponentChildren }
  /** The form has sent its own reply, for example a redirect to prove a factor again. */
  | { readonly outcome: 'replied' }
  /** The session has ended in the meantime, and nothing was changed. */
  | { readonly outcome: 'signed_out' }

/** What a page reports after a change: a fixed key, never a text from the URL. */
export type Notice = keyof Messages['accountNotices']

/** Whether a key names a notice. */
export function isNotice({ messages }: PageContext, key: string): key is Notice {
  return has(messages.accountNotices, key)
}

/** What can be wrong with a form of an account page. */
export type AccountFault = Fault | keyof Messages['accountFaults']

/** Faults by field. `form` is for a fault that concerns no particular field. */
export type AccountFaults = ReadonlyMap<string, AccountFault>

/** A form as the page shows it: the values of its fields and their faults. */
export interface FilledForm {
  readonly values: ReadonlyMap<string, string>
  readonly faults: AccountFaults
}

/** The properties of every section with a form. */
export interface FormSectionProps {
  readonly page: PageContext
  /** The hidden fields of every form on the page. */
  readonly hidden: Readonly<Record<string, string>>
  readonly form: FilledForm
  readonly textOf: (fault: AccountFault, field: string) => string
}

/** What the fields of a form show. The first field with a fault gets the focus. */
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

/** Numbers for the texts of faults. */
export interface Figures {
  /** In characters. */
  readonly minPasswordLength: number
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
  /** The endings of addresses that can be used: `@example.com`. */
  readonly domains?: readonly string[]
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

/** What verifying a password needs to know about the request. A browser without the cookie that identifies it gets one. */
export function provingBrowser({ request, reply }: Submission, issuer: string) {
  return { browserDigest: digest(browserOf(request, reply, issuer)), requester: requesterOf(request, reply) }
}

/** A current password that is wrong, in this field. */
export function wrongPassword(field: string): Outcome {
  return { outcome: 'faulty', faults: new Map([[field, 'current_password_wrong']]), status: 403 }
}

/**
 * A form that is shown again with these faults; none if all are undefined.
 *
 * @param faults by field, in the order of the page
 */
export function refused(faults: Readonly<Record<string, AccountFault | undefined>>): Outcome {
  const found = Object.entries(faults).flatMap(([field, fault]): [string, AccountFault][] =>
    fault === undefined ? [] : [[field, fault]],
  )
  return { outcome: 'faulty', faults: new Map(found), status: 422 }
}
