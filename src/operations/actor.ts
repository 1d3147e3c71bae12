import type { Caller, EventOrigin } from '../records/events/events-store.ts'

/**
 * Who does something. The event of a person or client has their request. An operator's command has none, so it says who gave it.
 */
export type Actor =
  | { readonly kind: 'operator'; readonly by: string }
  | { readonly kind: 'person'; readonly sub: string; readonly caller: Caller }
  | { readonly kind: 'client'; readonly clientId: string; readonly caller: Caller }

/** The part of an event that says where it came from. */
export function originOf(actor: Actor): EventOrigin {
  return actor.kind === 'operator' ? { by: actor.by } : { caller: actor.caller }
}
