import type { FastifyRequest } from 'fastify'
import { bearerToken, VerificationError } from '#verify'
import type { RegisteredClient } from '../../operations/client-registration.ts'
import {
  deleteOwnClient,
  type OwnRegistration,
  readOwnClient,
  registerOwnClient,
  replaceOwnClient,
} from '../../operations/own-client.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { bearerChallenge } from '../../protocol/bearer-challenge.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { type JsonBody, readJsonOnly, requireJson } from '../../protocol/http/json-body.ts'
import { InvalidClientMetadata } from '../../records/clients/metadata-members.ts'
import { ownMembers } from '../../records/clients/self-registration.ts'
import type { Signet } from '../../signet.ts'

interface OfClient {
  Params: { client_id: string }
}

/**
 * Client registration endpoint (RFC 7591 §3, OpenID Connect Registration §3) and client configuration endpoint (RFC 7592 §2). Clients that have registered can
 * read, change and delete their registration whatever SIGNET_REGISTRATION is: closing it must not take away their means of repairing or removing it, and
 * the same rules apply to changes as to registrations.
 */
export function registrationEndpoint(app: App, signet: Signet): void {
  app.register(async (scope: App) => {
    readJsonOnly(scope)

    scope.post<{ Body: JsonBody | undefined }>('/register', async (request, reply) => {
      const registered = await refusing(() =>
        registerOwnClient(signet, callerOf(request), tokenIn(request), requireJson(request.body)),
      )
      request.clientId = registered.client.client_id
      return reply.status(201).send(response(signet, registered))
    })

    scope.get<OfClient>('/register/:client_id', async (request) =>
      response(signet, await readOwnClient(signet, request.params.client_id, requireToken(request))),
    )

    scope.put<OfClient & { Body: JsonBody | undefined }>('/register/:client_id', async (request) => {
      const { client_id: clientId } = request.params
      const token = requireToken(request)
      return response(
        signet,
        await refusing(() => replaceOwnClient(signet, callerOf(request), clientId, token, requireJson(request.body))),
      )
    })

    scope.delete<OfClient>('/register/:client_id', async (request, reply) => {
      await deleteOwnClient(signet, callerOf(request), request.params.client_id, requireToken(request))
      return reply.status(204).send()
    })
  })
}

/** RFC 7591 §3.2.1, RFC 7592 §3. Members without a value are left out. */
function response({ settings }: Signet, { client, registeredAt, secret, token }: OwnRegistration) {
  return {
    client_id: client.client_id,
    client_id_issued_at: Math.floor(registeredAt.getTime() / 1000),
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
    registration_access_token: token,
    registration_client_uri: `${settings.issuer}/register/${client.client_id}`,
    ...Object.fromEntries(ownMembers.filter((name) => isWorthSaying(client, name)).map((name) => [name, client[name]])),
  }
}

/** Leaves out what has no value, and lists that are empty if nothing was sent for them. */
function isWorthSaying(client: RegisteredClient, name: (typeof ownMembers)[number]): boolean {
  const value = client[name]
  if (name === 'require_issuer_audience') return value === true
  if (Array.isArray(value) && value.length === 0) return name === 'redirect_uris' || name === 'response_types'
  return value !== undefined
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof InvalidClientMetadata ? asRegistrationError(error) : error
  }
}

/** Metadata that cannot be registered, as the error of RFC 7591 §3.2.2. */
function asRegistrationError({ code, message }: InvalidClientMetadata): OAuthError {
  const names = {
    invalid_client_metadata: 'client_metadata_invalid',
    invalid_redirect_uri: 'client_redirect_uri_invalid',
    unapproved_software_statement: 'software_statement_unapproved',
  } as const
  return new OAuthError(names[code], { param: message })
}

/** The bearer token of a request (RFC 6750 §2.1); undefined if there is none. */
function tokenIn(request: FastifyRequest): string | undefined {
  try {
    return bearerToken(request.raw)
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    if (error.code === 'missing_token') return undefined
    throw new OAuthError('registration_token_misplaced')
  }
}

function requireToken(request: FastifyRequest): string {
  const token = tokenIn(request)
  if (token === undefined) throw new OAuthError('registration_access_token_missing', { headers: bearerChallenge() })
  return token
}
