import { type PurposeSecret, sealText, unsealText } from '../platform/secrets/purpose-secrets.ts'
import type { Parameters } from '../protocol/http/parameters.ts'

/** Seconds that a request may rest on a page. */
const lifetime = 3600

/**
 * An authorization request on its way through sign-in and consent. It travels in the URL, not in a row and not in a cookie: any
 * number of tabs, any node, a restart or an hour's pause do not break it, and an unauthenticated GET writes nothing. It carries
 * no authority: everything in it is checked anew at each step.
 */
export interface TravellingRequest {
  readonly parameters: Parameters
  /** Milliseconds since 1970, never in the future: what `prompt` and `max_age` are measured against. */
  readonly receivedAt: number
  /** The session (as this client would see it) that the person chose to go on with, for `prompt=select_account`. */
  readonly selected: string | undefined
}

const associated = 'authorization-request'

/**
 * What is carried of a request: the parameters that are read, those among them that are refused wherever they are found. Unknown
 * ones are ignored (RFC 6749 §3.1) and left behind.
 */
const carried = new Set([
  'response_type',
  'client_id',
  'redirect_uri',
  'scope',
  'state',
  'response_mode',
  'nonce',
  'display',
  'prompt',
  'max_age',
  'ui_locales',
  'id_token_hint',
  'login_hint',
  'acr_values',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
  'registration',
])

/** @returns base64url, for a URL or a form */
export function sealRequest(secret: PurposeSecret, request: TravellingRequest): string {
  const { values, resource } = request.parameters
  const parameters = [...values].filter(([name]) => carried.has(name))
  return sealText(
    secret,
    JSON.stringify([parameters, resource, request.receivedAt, request.selected ?? null]),
    associated,
  )
}

/**
 * @param now milliseconds since 1970
 * @returns undefined for what Signet did not seal
 */
export function openRequest(
  secret: PurposeSecret,
  sealed: string,
  now: number,
): (TravellingRequest & { readonly expired: boolean }) | undefined {
  const text = unsealText(secret, sealed, associated)
  if (text === undefined) return undefined
  const [parameters, resource, receivedAt, selected] = JSON.parse(text) as [
    [string, string][],
    string[],
    number,
    string | null,
  ]
  return {
    parameters: { values: new Map(parameters), resource, faults: [] },
    // Of a request that came while a clock was ahead, a sign-in would seem to have come before it, and be asked for again and again.
    receivedAt: Math.min(receivedAt, now),
    selected: selected ?? undefined,
    expired: now - receivedAt > lifetime * 1000,
  }
}
