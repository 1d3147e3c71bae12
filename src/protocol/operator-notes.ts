import type { FastifyRequest } from 'fastify'
import { withoutSecrets } from './errors/refusal.ts'

/** What an operator is told about a request that was answered, but not in the way that the application expects. */
interface RegisteredNote {
  readonly description: string
  /** What to change, in a few sentences. */
  readonly fix: string
}

/**
 * Every note. Callers never see them, so they are not among the errors. docs/events.md is generated from this.
 */
export const noteRegistry = {
  scopes_dropped: {
    description: 'The request asked for scopes that this client may not have. They were ignored.',
    fix: 'Check that this client should have these scopes at all: anybody who knows its client_id can send such a request. If it should, register them with signet clients update --scope, and list all scopes that the client should have. Scopes of an API must exist first (signet resources); groups and roles always do, but the client also needs --group. Otherwise remove the scopes from the application. With client_credentials there is no user, so OpenID scopes such as profile are always ignored.',
  },
  claims_dropped: {
    description:
      "The parameter 'claims' asked for claims that this client may not have, or that do not exist. They were ignored.",
    fix: 'A client gets a single claim only if it is registered for the scope that the claim belongs to: email and email_verified belong to email, phone_number and phone_number_verified to phone, address to address, groups and roles to the scopes of the same name, and all other claims about the user to profile. Check that this client should have the claim at all: anybody who knows its client_id can send such a request. If it should, register the scope with signet clients update --scope, and list all scopes that the client should have. Otherwise remove the claim from the application. The metadata lists in claims_supported which claims exist.',
  },
} as const satisfies Readonly<Record<string, RegisteredNote>>

/** The name of a note. */
export type NoteName = keyof typeof noteRegistry

export const noteNames = Object.keys(noteRegistry) as NoteName[]

/** A note about one request. */
export interface OperatorNote {
  readonly entry: NoteName
  /** What exactly the note is about. It may quote the request, but never a secret. The caller bounds its length. */
  readonly detail?: string | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What the operator is told about this request; undefined for nothing. */
    notes: readonly OperatorNote[] | undefined
  }
}

/**
 * Logs a note, and keeps it on the request, so that it can be recorded after the response. The operator finds it with
 * `signet events refusals`. The caller never sees it.
 */
export function noteForOperator(request: FastifyRequest, note: OperatorNote): void {
  // One of each kind is enough, however often a request comes across the same thing.
  if (request.notes?.some(({ entry }) => entry === note.entry)) return
  request.notes = [...(request.notes ?? []), note]
  const { entry, detail } = note
  const { description } = noteRegistry[entry]
  request.server.operatorLog.info(
    { reqId: request.id, entry, description, detail: detail && withoutSecrets(detail) },
    'noted',
  )
}
