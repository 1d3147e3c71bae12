import { type PurposeSecret, sealText, unsealText } from '../platform/secrets/purpose-secrets.ts'
import { type Parameters, parametersOf, sentValue, soundParameters, soundValue } from '../protocol/http/parameters.ts'
import { authorizationParameters, type ContextClass, isContextClass } from '../protocol/oidc-values.ts'
import { readLinkToken } from '../records/accounts/link-tokens.ts'
import { readUserCode, shownUserCode, type UserCode } from '../tokens/device-request.ts'

/*
 * The `continue` value in links and forms of our pages: what follows sign-in, sealed. It is an authorization request or the name of one
 * of our own pages. It is carried in the URL, not stored in a row or a cookie. So any number of tabs, a change of node, a restart or an
 * hour's pause do not break it, and an unauthenticated GET writes nothing. It grants nothing: its content is checked again at each step.
 */

/** Seconds within which a request must be completed. */
const lifetime = 3600

/** An authorization request with its parameters, according to how it arrived. */
export type ReceivedRequest =
  | {
      /** Those that were sent, or those in the request object that was sent (received-request.ts). */
      readonly parameters: Parameters
      /** Whether they were in a request object that the client had signed (RFC 9101). */
      readonly isSigned: boolean
      readonly pushed?: undefined
    }
  | {
      /** Those that stand in for the ones in the database (`standIns`), until these have been read. */
      readonly parameters: Parameters
      /** The database knows it. */
      readonly isSigned?: undefined
      /** The random part of the `request_uri` of a pushed request (RFC 9126). */
      readonly pushed: string
    }

/** An authorization request that waits for a person to sign in or to consent. */
export type PendingRequest = ReceivedRequest & {
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
  'new-passkey': '/account/security/passkeys/new',
  'new-codes': '/account/security/codes/new',
  'recovery-codes': '/account/security/recovery-codes',
  password: '/account/security#your-password',
  sessions: '/account/sessions',
  applications: '/account/applications',
  activity: '/account/activity',
  data: '/account/data',
  deletion: '/account/data/delete',
  'not-me': '/account/activity/not-me',
  device: '/device',
  'verify-email': '/verify-email',
} as const
export type OwnPage = keyof typeof ownPages

/** One of our own pages. */
export interface Destination {
  readonly page: OwnPage
  /** The code of the device that a person wants to connect there, if they have typed one. */
  readonly userCode?: UserCode | undefined
  /** The `continue` value of what follows that page. For the page `not-me`: the handle of the event to report. */
  readonly next?: string | undefined
  /** The token of the link in a mail that led to the page (records/accounts/link-tokens.ts). */
  readonly linkToken?: string | undefined
  /** How strong a sign-in that page needs, for `/step-up`; undefined: a fresh proof with the strongest factor. */
  readonly needs?: ContextClass | undefined
}

/** What a `continue` value holds. */
export type Continued =
  | { readonly kind: 'authorization'; readonly pending: PendingRequest; readonly expired: boolean }
  | { readonly kind: 'own_page'; readonly destination: Destination }

/** Associated data of each kind, so that neither can be opened as the other. */
const requestSeal = 'authorization-request'
const ownPageSeal = 'own-page'

/** The parameters of a request that are carried. Unknown parameters are ignored (RFC 6749 §3.1) and dropped. */
const carried: ReadonlySet<string> = new Set(authorizationParameters)

/** Characters of `ui_locales` that are carried with the id of a pushed request. */
const maxCarriedLocales = 200

/**
 * @returns base64url, for a URL or a form
 * @throws OAuthError if a parameter has a fault
 */
export function sealRequest(secret: PurposeSecret, request: PendingRequest): string {
  const { parameters, isSigned, pushed, receivedAt, selected } = request
  const { values, resource } = pushed === undefined ? soundParameters(parameters) : standIns(parameters)
  const taken = [...values].filter(([name]) => carried.has(name))
  const members = [taken, resource, receivedAt, selected ?? null, isSigned ?? false, pushed ?? null]
  return sealText(secret, JSON.stringify(members), requestSeal)
}

/** What is carried of a pushed request, whatever it contains: whose it is, and the language of pages that do not read it. */
export function standIns(parameters: Parameters) {
  const locales = sentValue(parameters, 'ui_locales') ?? ''
  const sent: [string, string][] = [
    ['client_id', sentValue(parameters, 'client_id') ?? ''],
    ['ui_locales', locales.length <= maxCarriedLocales ? locales : ''],
  ]
  return { values: new Map(sent.filter(([, value]) => value !== '')), resource: [] }
}

/**
 * The value that leads to one of our own pages after sign-in. Only the page's name, the code of a device, another `continue` value and the token of a link are
 * sealed: even if the secret leaked, it could not contain an address on another site. It never expires.
 *
 * @param next the `continue` value of what follows that page, such as the request that led to it
 * @returns base64url, for a URL or a form
 */
export function sealOwnPage(secret: PurposeSecret, page: OwnPage, userCode?: UserCode, next?: string): string {
  return sealDestination(secret, { page, userCode, next })
}

/** The value that leads back to the link of a mail after sign-in. */
export function sealLinkPage(secret: PurposeSecret, page: OwnPage, linkToken: string): string {
  return sealDestination(secret, { page, linkToken })
}

/** The same, with everything that can be said about one of our own pages. */
export function sealDestination(secret: PurposeSecret, destination: Destination): string {
  const { page, userCode = '', next = '', linkToken = '', needs = '' } = destination
  return sealText(secret, [page, userCode, next, linkToken, needs].join(' ').trimEnd(), ownPageSeal)
}

/** The path of one of our own pages, with a fragment if it is a section of a page. Its query has the code of a device, the token of a link, and what follows the page. */
export function pathOf({ page, userCode, next, linkToken }: Destination): string {
  const [path = '', fragment] = ownPages[page].split('#')
  const query = new URLSearchParams({
    ...(userCode !== undefined && { user_code: shownUserCode(userCode) }),
    ...(linkToken !== undefined && { token: linkToken }),
    ...(next !== undefined && { [page === 'not-me' ? 'event' : 'continue']: next }),
  }).toString()
  return `${path}${query && `?${query}`}${fragment === undefined ? '' : `#${fragment}`}`
}

/**
 * @param now milliseconds since 1970
 * @returns undefined if Signet did not seal it
 */
export function openContinueValue(secret: PurposeSecret, sealed: string, now: number): Continued | undefined {
  const text = unsealText(secret, sealed, requestSeal)
  if (text === undefined) {
    const [page, code, next, token, needs = ''] = unsealText(secret, sealed, ownPageSeal)?.split(' ') ?? []
    if (page === undefined || !Object.hasOwn(ownPages, page)) return undefined
    const destination = {
      page: page as OwnPage,
      userCode: readUserCode(code),
      next: next || undefined,
      linkToken: readLinkToken(token),
      needs: isContextClass(needs) ? needs : undefined,
    }
    return { kind: 'own_page', destination }
  }
  // The previous release seals the first four only.
  const [values, resource, receivedAt, selected, isSigned = false, pushed = null] = JSON.parse(text) as [
    [string, string][],
    string[],
    number,
    string | null,
    boolean?,
    (string | null)?,
  ]
  return {
    kind: 'authorization',
    pending: {
      parameters: parametersOf({ values: new Map(values), resource }),
      ...(pushed === null ? { isSigned } : { pushed }),
      // If a request was received while a clock was ahead, every sign-in would seem older than the request, and would be asked for again.
      receivedAt: Math.min(receivedAt, now),
      selected: selected ?? undefined,
    },
    expired: now - receivedAt > lifetime * 1000,
  }
}

/**
 * The `continue` value in a page's query; undefined if there is none.
 *
 * @throws OAuthError `invalid_request` if there are two, or one that cannot be read: Signet does not guess
 */
export function continueValueIn(query: Parameters): string | undefined {
  return soundValue(query, 'continue')
}
