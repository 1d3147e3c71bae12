import type { ErrorName } from '../protocol/errors/error-registry.ts'
import type { Consent } from '../records/consents/consents-store.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import { canBeImpersonated } from './redirect-uri.ts'

/** What of a session the rule looks at. */
export interface SignedIn {
  readonly sub: string
  /** Milliseconds since 1970. */
  readonly authTime: number
  /** Whether the person chose this session for this request. */
  readonly selected: boolean
}

export type Step =
  | { readonly step: 'sign-in' | 'sign-up' | 'consent' | 'respond' }
  /** Without a detail where there is no session: why there is none, the rule is not told. */
  | { readonly step: 'refuse'; readonly error: ErrorName; readonly detail: string | undefined }

/**
 * What a request needs next: the person to sign in, to make an account, to consent, or nothing any more (OpenID Connect Core
 * §3.1.2.3, §3.1.2.4).
 *
 * @param receivedAt milliseconds since 1970
 * @param hintedSub whom `id_token_hint` names
 */
export function nextStep(
  request: AuthorizationRequest,
  receivedAt: number,
  session: SignedIn | undefined,
  consent: Consent | undefined,
  hintedSub: string | undefined,
): Step {
  const { prompt } = request
  const silent = prompt.has('none')
  const fresh = session !== undefined && session.authTime >= receivedAt
  if (!session || !isSignInGood(request, receivedAt, session, hintedSub)) {
    if (silent)
      return { step: 'refuse', error: 'login_required', detail: whyNot(request, receivedAt, session, hintedSub) }
    // Signed in for this very request, yet as somebody else than the client named: asking again would go round in circles.
    if (fresh && hintedSub !== undefined && session.sub !== hintedSub)
      return {
        step: 'refuse',
        error: 'login_as_other_person',
        detail: `session: of sub ${session.sub}; id_token_hint: of sub ${hintedSub}`,
      }
    return { step: prompt.has('create') && !session ? 'sign-up' : 'sign-in' }
  }
  if (prompt.has('create') && !fresh) return { step: 'sign-up' }
  if (prompt.has('select_account') && !session.selected && !fresh) return { step: 'sign-in' }
  if (!needsConsent(request, consent)) return { step: 'respond' }
  if (silent)
    return {
      step: 'refuse',
      error: 'consent_required',
      detail: `scope: consented to ${consent?.scopes.join(' ') ?? 'nothing'}; asked for ${request.scopes.join(' ')}`,
    }
  return { step: 'consent' }
}

function isSignInGood(
  request: AuthorizationRequest,
  receivedAt: number,
  session: SignedIn,
  hintedSub: string | undefined,
): boolean {
  if (hintedSub !== undefined && session.sub !== hintedSub) return false
  if (request.prompt.has('login') && session.authTime < receivedAt) return false
  return request.maxAge === undefined || session.authTime >= receivedAt - request.maxAge * 1000
}

/** For the operator: what of the session is not enough. */
function whyNot(
  request: AuthorizationRequest,
  receivedAt: number,
  session: SignedIn | undefined,
  hintedSub: string | undefined,
): string | undefined {
  if (!session) return undefined
  if (hintedSub !== undefined && session.sub !== hintedSub)
    return `session: of sub ${session.sub}; id_token_hint: of sub ${hintedSub}`
  const age = Math.round((receivedAt - session.authTime) / 1000)
  return `max_age: ${request.maxAge} seconds; the person signed in ${age} seconds before the request`
}

function needsConsent(request: AuthorizationRequest, consent: Consent | undefined): boolean {
  const { client, redirectUri } = request.target
  if (request.prompt.has('consent') || canBeImpersonated(client, redirectUri)) return true
  if (client.first_party) return false
  return (
    !consent ||
    !request.scopes.every((scope) => consent.scopes.includes(scope)) ||
    !request.resources.every((resource) => consent.resources.includes(resource))
  )
}
