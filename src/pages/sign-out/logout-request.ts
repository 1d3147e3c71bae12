import { findAcceptedClient } from '../../operations/resolve-client.ts'
import { isTooLongToReturn, maxReturnedLength, withParameters } from '../../platform/http/uri-query.ts'
import { type PurposeSecret, sealText, secretFor, unsealText } from '../../platform/secrets/purpose-secrets.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { shortened } from '../../protocol/errors/refusal.ts'
import { type Parameters, parametersOf, soundParameters } from '../../protocol/http/parameters.ts'
import type { Client } from '../../records/clients/client.ts'
import type { Signet } from '../../signet.ts'
import { type IdTokenHint, readIdTokenHint } from '../../tokens/id-token-hint.ts'

/** A checked logout request (OpenID Connect RP-Initiated Logout §2). */
export interface LogoutRequest {
  readonly hint: IdTokenHint | undefined
  readonly client: Client | undefined
  /** Where the person goes afterwards, with `state`. Always an address that the client registered. */
  readonly returnTo: string | undefined
  readonly uiLocales: string | undefined
}

/** @throws OAuthError, shown on a page: if a logout request fails, the person is not redirected (§4) */
export async function readLogoutRequest(signet: Signet, parameters: Parameters): Promise<LogoutRequest> {
  const { values } = soundParameters(parameters)
  if (Buffer.byteLength(textOf(values)) > maxOctets)
    throw new OAuthError('request_too_long', { param: String(maxOctets) })
  const hintText = values.get('id_token_hint')
  const hint = hintText === undefined ? undefined : await readIdTokenHint(signet, hintText)
  if (hintText !== undefined && !hint) throw new OAuthError('logout_hint_refused')
  const clientId = values.get('client_id')
  // §2: if both are given, they must name the same client.
  if (hint && clientId !== undefined && clientId !== hint.clientId)
    throw new OAuthError('logout_client_contradicts', { detail: `id_token_hint: issued to client ${hint.clientId}` })
  const named = hint?.clientId ?? clientId
  const client = named === undefined ? undefined : await findAcceptedClient(signet, named)
  const returnTo = returnAddress(values, client)
  const uiLocales = values.get('ui_locales')
  // §3: without a hint, something else must confirm that the address is legitimate. For a client that registered itself there is nothing: any link could lead people
  // from here to wherever its author likes, or show them its name.
  if (client?.isSelfRegistered && !hint) return { hint, client: undefined, returnTo: undefined, uiLocales }
  return { hint, client, returnTo, uiLocales }
}

/** §3: the address must match a registered one exactly. Without a client, there is nothing to compare it with. */
function returnAddress(values: ReadonlyMap<string, string>, client: Client | undefined): string | undefined {
  const uri = values.get('post_logout_redirect_uri')
  if (uri === undefined) return undefined
  if (!client?.post_logout_redirect_uris.includes(uri))
    throw client
      ? new OAuthError('post_logout_redirect_uri_not_registered', {
          detail: `post_logout_redirect_uri ${shortened(uri, 500)} of client ${client.client_id}`,
        })
      : new OAuthError('post_logout_redirect_uri_of_nobody')
  const state = values.get('state')
  if (state === undefined) return uri
  if (isTooLongToReturn(state)) throw new OAuthError('state_too_long', { param: String(maxReturnedLength) })
  return withParameters(uri, [['state', state]])
}

const associated = 'logout-request'

/** In octets, before sealing. In base64 that is 6,900, which fits into response headers of 8 KB together with the others. */
const maxOctets = 5120

const carried = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state', 'ui_locales', 'logout_hint']

/** Seals a request, to carry it across the confirmation page or a POST from another site. Its content is checked again afterwards. */
export function sealLogoutRequest({ secrets }: Signet, parameters: Parameters): string {
  return sealText(secrets['request-sealing'], textOf(soundParameters(parameters).values), associated)
}

/**
 * Opens the logout request in a `continue` value.
 *
 * @throws OAuthError if Signet did not seal it; also what reading the secrets throws
 */
export async function unsealLogoutRequest({ secrets }: Signet, sealed: string): Promise<Parameters> {
  const parameters = openLogoutRequest(await secretFor(secrets, 'request-sealing', sealed), sealed)
  if (!parameters) throw new OAuthError('continue_unreadable', { detail: 'continue: not sealed by this issuer' })
  return parameters
}

/** Undefined if Signet did not seal it. */
export function openLogoutRequest(secret: PurposeSecret, sealed: string): Parameters | undefined {
  const text = unsealText(secret, sealed, associated)
  return text === undefined ? undefined : parametersOf({ values: new Map(JSON.parse(text)), resource: [] })
}

function textOf(values: ReadonlyMap<string, string>): string {
  return JSON.stringify([...values].filter(([name]) => carried.includes(name)))
}
