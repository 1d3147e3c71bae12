import type { Caller } from '../records/events/events-store.ts'

/** Who does something. A person's or a client's request is on the record of it; what an operator did by command has none. */
export type Actor =
  | { readonly kind: 'operator' }
  | { readonly kind: 'person'; readonly sub: string; readonly caller: Caller }
  | { readonly kind: 'client'; readonly clientId: string; readonly caller: Caller }

/** Where the request came from, for events. */
export function callerOfActor(actor: Actor): Caller | undefined {
  return actor.kind === 'operator' ? undefined : actor.caller
}
