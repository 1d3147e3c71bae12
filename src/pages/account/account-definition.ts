import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ComponentChildren } from 'preact'
import type { Messages, PageContext } from '../../html/messages/messages.ts'
import type { OwnPage } from '../../interaction/continue-value.ts'
import type { Settings } from '../../platform/config/settings.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import type { AccountFault, FilledForm, Outcome, Submission } from './account-form.ts'

/** One of the pages on which people manage their account. The README says how to add one. */
export interface AccountDefinition {
  readonly path: string
  /** Leads back here after a sign-in; its path is that of this page. */
  readonly ownPage: OwnPage
  /** The heading, and the title of the document. */
  readonly title: (messages: Messages) => string
  /** The label in the menu. Without one, the page belongs to another one that is in the menu. */
  readonly menuLabel?: (messages: Messages) => string
  /** The path of the page in the menu to which this one belongs; default: its own. */
  readonly belongsTo?: string
  /** Scripts from `/assets/`. The page works without them. */
  readonly scripts?: readonly string[]
  /**
   * The content of the page: one or more `<section>`. Reads what the page shows, and nothing else.
   *
   * @returns undefined if a reply has been sent instead, for example a redirect to prove a factor again
   */
  readonly show: (view: AccountView) => Promise<ComponentChildren> | ComponentChildren
  readonly forms: readonly AccountForm[]
}

export interface AccountForm {
  /** Where the form is sent. */
  readonly path: string
  /** Under which `show` finds what was typed if the form is refused. A form without fields needs none. */
  readonly name?: string
  /** For a form with a file: `multipart/form-data`. */
  readonly upload?: {
    /** The name of its field. */
    readonly field: string
    readonly maxBytes: number
    /** Counts an attempt, before anything is read. @throws LimitExceeded, TooManyWaiting */
    readonly count: (signet: Signet, session: Session) => Promise<void>
  }
  /** Whether this installation has the form; default: it has. */
  readonly isOffered?: (settings: Settings) => boolean
  /** @throws LimitExceeded, HashQueueFull, TooManyWaiting: the page is shown again and says so */
  readonly submit: (signet: Signet, submission: Submission) => Promise<Outcome>
}

/** A request for an account page, and what its sections need. */
export interface AccountView {
  readonly signet: Signet
  readonly request: FastifyRequest<{ Querystring: Parameters }>
  readonly reply: FastifyReply
  readonly session: Session
  readonly page: PageContext
  /** The hidden fields of every form on the page. */
  readonly hidden: Readonly<Record<string, string>>
  /** The time zone of the person's profile. */
  readonly timeZone: string | undefined
  /**
   * What a form shows: what was typed if it has just been refused, otherwise these values.
   *
   * @param name of the form in the definition
   */
  readonly form: (name: string, values?: ReadonlyMap<string, string>) => FilledForm
  readonly textOf: (fault: AccountFault, field: string) => string
}
