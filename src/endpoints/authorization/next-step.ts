import type { OAuthErrorCode } from '../../platform/http/oauth-error.ts'
import type { Consent } from '../../records/consents/consents-store.ts'
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
  | { readonly step: 'refuse'; readonly error: OAuthErrorCode; readonly description: string }

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
      return {
        step: 'refuse',
        error: 'login_required',
        description: 'The person must sign in, and prompt=none forbids to ask.',
      }
    // Signed in for this very request, yet as somebody else than the client named: asking again would go round in circles.
    if (fresh && hintedSub !== undefined && session.sub !== hintedSub)
      return {
        step: 'refuse',
        error: 'login_required',
        description: 'Another person signed in than the id_token_hint names.',
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
      description: 'The person must consent, and prompt=none forbids to ask.',
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
