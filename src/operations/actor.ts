import type { Author } from '../key-ring/write-step.ts'
import type { Caller, EventOrigin } from '../records/events/events-store.ts'
import type { ClientId, Sub } from '../records/ids.ts'

/** Somebody who may change everything. A command has no request, so its event says who gave it. */
export interface Operator {
  readonly kind: 'operator'
  readonly by: string
}

/** Somebody who is signed in. */
export interface Person {
  readonly kind: 'person'
  readonly sub: Sub
  readonly caller: Caller
}

/** Who does something. The event of a person or a client has their request; what is done by schedule has none. */
export type Actor =
  | Operator
  | Person
  | { readonly kind: 'client'; readonly clientId: ClientId; readonly caller: Caller }
  | { readonly kind: 'schedule' }

/** The part of an event that says where it came from. */
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
 * The same for decisions about keys and secrets, which the key ring records.
 *
 * @param reason why, in the operator's words
 */
export function authorOf({ by }: Operator, reason: string | undefined): Author {
  return { by, reason }
}
