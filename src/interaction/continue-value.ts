import { type PurposeSecret, sealText, unsealText } from '../platform/secrets/purpose-secrets.ts'
import { type Parameters, parametersOf, soundParameters, soundValue } from '../protocol/http/parameters.ts'
import { readUserCode, shownUserCode, type UserCode } from '../tokens/device-request.ts'

/*
 * The `continue` value in links and forms of our pages: what follows sign-in, sealed. It is an authorization request or the name of one
 * of our own pages. It is carried in the URL, not stored in a row or a cookie. So any number of tabs, a change of node, a restart or an
 * hour's pause do not break it, and an unauthenticated GET writes nothing. It grants nothing: its content is checked again at each step.
 */

/** Seconds within which a request must be completed. */
const lifetime = 3600

/** An authorization request that waits for a person to sign in or to consent. */
export interface PendingRequest {
  readonly parameters: Parameters
  /** Milliseconds since 1970, never in the future: what `prompt` and `max_age` are measured against. */
  readonly receivedAt: number
  /** The `sid` (as this client would see it) of the session that the person chose, for `prompt=select_account`. */
  readonly selected: string | undefined
}

/** Our own pages that sign-in may lead to, and their paths. */
const ownPages = {
  account: '/account',
  'account-sign-in': '/account/sign-in',
  security: '/account/security',
  password: '/account/security#your-password',
  sessions: '/account/sessions',
  applications: '/account/applications',
  activity: '/account/activity',
  'not-me': '/account/activity/not-me',
  device: '/device',
  'verify-email': '/verify-email',
} as const
export type OwnPage = keyof typeof ownPages

/**
 * One of our own pages, and what it is about there: the code of the device that a person wants to connect, if they have typed one, or the event that they want to
 * report, by its handle.
 */
export interface Destination {
  readonly page: OwnPage
  readonly userCode: UserCode | undefined
  readonly event?: string | undefined
}

/** What a `continue` value holds. */
export type Continued =
  | { readonly kind: 'authorization'; readonly pending: PendingRequest; readonly expired: boolean }
  | { readonly kind: 'own_page'; readonly destination: Destination }

/** Associated data of each kind, so that neither can be opened as the other. */
const requestSeal = 'authorization-request'
const ownPageSeal = 'own-page'

/**
 * The parameters of a request that are carried: all that Signet reads, including those that it always refuses. Unknown parameters
 * are ignored (RFC 6749 §3.1) and dropped.
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
 * @throws OAuthError if a parameter has a fault
 */
export function sealRequest(secret: PurposeSecret, { parameters, receivedAt, selected }: PendingRequest): string {
  const { values, resource } = soundParameters(parameters)
  const taken = [...values].filter(([name]) => carried.has(name))
  return sealText(secret, JSON.stringify([taken, resource, receivedAt, selected ?? null]), requestSeal)
}

/**
 * The value that leads to one of our own pages after sign-in. Only the page's name and the code of a device are sealed: even if the secret
 * leaked, it could not contain an address on another site. It never expires.
 *
 * @returns base64url, for a URL or a form
 */
export function sealOwnPage(secret: PurposeSecret, page: OwnPage, userCode?: UserCode): string {
  return sealText(secret, userCode === undefined ? page : `${page} ${userCode}`, ownPageSeal)
}

/** The page on which the person reports an event, as the value that leads there after they have proven themselves. @param handle of the event */
export function sealNotMe(secret: PurposeSecret, handle: string): string {
  return sealText(secret, `not-me ${handle}`, ownPageSeal)
}

/** The path of one of our own pages, with a fragment if it is a section of a page, and with what it is about in its query. */
export function pathOf({ page, userCode, event }: Destination): string {
  if (event !== undefined) return `${ownPages[page]}?event=${encodeURIComponent(event)}`
  return userCode === undefined ? ownPages[page] : `${ownPages[page]}?user_code=${shownUserCode(userCode)}`
}

/**
 * @param now milliseconds since 1970
 * @returns undefined if Signet did not seal it
 */
export function openContinueValue(secret: PurposeSecret, sealed: string, now: number): Continued | undefined {
  const text = unsealText(secret, sealed, requestSeal)
  if (text === undefined) {
    const [page, code] = unsealText(secret, sealed, ownPageSeal)?.split(' ') ?? []
    return page !== undefined && Object.hasOwn(ownPages, page)
      ? { kind: 'own_page', destination: destinationOf(page as OwnPage, code) }
      : undefined
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
      // If a request was received while a clock was ahead, every sign-in would seem older than the request, and would be asked for again.
      receivedAt: Math.min(receivedAt, now),
      selected: selected ?? undefined,
    },
    expired: now - receivedAt > lifetime * 1000,
  }
}

function destinationOf(page: OwnPage, about: string | undefined): Destination {
  return page === 'not-me' ? { page, userCode: undefined, event: about } : { page, userCode: readUserCode(about) }
}

/**
 * The `continue` value in a page's query; undefined if there is none.
 *
 * @throws OAuthError `invalid_request` if there are two, or one that cannot be read: Signet does not guess
 */
export function continueValueIn(query: Parameters): string | undefined {
  return soundValue(query, 'continue')
}
