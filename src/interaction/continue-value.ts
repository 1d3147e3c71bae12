import { type PurposeSecret, sealText, unsealText } from '../platform/secrets/purpose-secrets.ts'
import { type Parameters, parametersOf, soundParameters, soundValue } from '../protocol/http/parameters.ts'

/*
 * The `continue` value of our pages' links and forms: what comes after sign-in, sealed. It is an authorization request, or the name of a
 * page of ours. It travels in the URL, not in a row and not in a cookie: any number of tabs, any node, a restart or an hour's pause do
 * not break it, and an unauthenticated GET writes nothing. It carries no authority: everything in it is checked anew at each step.
 */

/** Seconds that a request may rest on a page. */
const lifetime = 3600

/** An authorization request that waits for its person to sign in or to consent. */
export interface PendingRequest {
  readonly parameters: Parameters
  /** Milliseconds since 1970, never in the future: what `prompt` and `max_age` are measured against. */
  readonly receivedAt: number
  /** The session (as this client would see it) that the person chose to go on with, for `prompt=select_account`. */
  readonly selected: string | undefined
}

/** The pages of ours that sign-in may lead to, and where they are. */
const ownPages = {
  account: '/account',
  password: '/account#your-password',
} as const
export type OwnPage = keyof typeof ownPages

/** What a `continue` value holds. */
export type Continued =
  | { readonly kind: 'authorization'; readonly pending: PendingRequest; readonly expired: boolean }
  | { readonly kind: 'own_page'; readonly page: OwnPage }

/** What each kind is sealed with, so that neither opens as the other. */
const requestSeal = 'authorization-request'
const ownPageSeal = 'own-page'

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

/**
 * @returns base64url, for a URL or a form
 * @throws OAuthError for parameters with a fault
 */
export function sealRequest(secret: PurposeSecret, { parameters, receivedAt, selected }: PendingRequest): string {
  const { values, resource } = soundParameters(parameters)
  const taken = [...values].filter(([name]) => carried.has(name))
  return sealText(secret, JSON.stringify([taken, resource, receivedAt, selected ?? null]), requestSeal)
}

/**
 * The value that leads to a page of ours after sign-in. Only the page's name is sealed: whatever became of the secret, there is no
 * address in it that could lead away from here. It never expires.
 *
 * @returns base64url, for a URL or a form
 */
export function sealOwnPage(secret: PurposeSecret, page: OwnPage): string {
  return sealText(secret, page, ownPageSeal)
}

/** The path of a page of ours, with a fragment where it is a part of one. */
export function pathOf(page: OwnPage): string {
  return ownPages[page]
}

/**
 * @param now milliseconds since 1970
 * @returns undefined for what Signet did not seal
 */
export function openContinueValue(secret: PurposeSecret, sealed: string, now: number): Continued | undefined {
  const text = unsealText(secret, sealed, requestSeal)
  if (text === undefined) {
    const page = unsealText(secret, sealed, ownPageSeal)
    return page !== undefined && Object.hasOwn(ownPages, page) ? { kind: 'own_page', page: page as OwnPage } : undefined
  }
  const [values, resource, receivedAt, selected] = JSON.parse(text) as [
    [string, string][],
    string[],
    number,
    string | null,
  ]
  return {
    kind: 'authorization',
    pending: {
      parameters: parametersOf({ values: new Map(values), resource }),
      // Of a request that came while a clock was ahead, a sign-in would seem to have come before it, and be asked for again and again.
      receivedAt: Math.min(receivedAt, now),
      selected: selected ?? undefined,
    },
    expired: now - receivedAt > lifetime * 1000,
  }
}

/**
 * The `continue` value of a page's query; undefined where there is none.
 *
 * @throws OAuthError `invalid_request` where there are two, or one that cannot be read: which is meant is not guessed
 */
export function continueValueIn(query: Parameters): string | undefined {
  return soundValue(query, 'continue')
}
