import type { Author } from '../key-ring/write-step.ts'
import type { Caller, EventOrigin } from '../records/events/events-store.ts'
import type { ClientId, Sub } from '../records/ids.ts'

/** Someone who may change everything. A command has no request, so its event names the operator (`by`). */
export interface Operator {
  readonly kind: 'operator'
  readonly by: string
}

/** Someone who is signed in. */
export interface Person {
  readonly kind: 'person'
  readonly sub: Sub
  readonly caller: Caller
  /** The language of the page of their request, a BCP 47 tag, for a mail to them. */
  readonly language?: string
}

/** Who performs an operation. Events of a person or a client name their request; scheduled work has no request. */
export type Actor =
  | Operator
  | Person
  | { readonly kind: 'client'; readonly clientId: ClientId; readonly caller: Caller }
  | { readonly kind: 'schedule' }

/** The part of an event that says what it came from. */
export function originOf(actor: Actor): EventOrigin {
  switch (actor.kind) {
    case 'operator':
      return { by: actor.by }
    case 'schedule':
      return { by: 'schedule' }
    default:
      return { caller: actor.caller }
  }
}

/**
 * The author of a decision about keys or secrets, whose events the key ring records.
 *
 * @param reason the operator's reason, as free text
 */
export function authorOf({ by }: Operator, reason: string | undefined): Author {
  return { by, reason }
}
