import type { ErrorName } from '../protocol/errors/error-registry.ts'
import type { GivenConsent } from '../records/consents/consents-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import { contextClassOf, missingClass } from '../tokens/authentication.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import { needsConsent } from './consent/consent-rule.ts'

/** A step that continues the request, with the session it uses. All but `respond` are also the paths of their pages. */
export type OpenStep =
  | { readonly step: 'sign-in' | 'sign-up' }
  | { readonly step: 'verify-email' | 'step-up' | 'consent' | 'respond'; readonly session: Session }

export type Step =
  | OpenStep
  /** Without a detail if there is no session, because this rule does not know the reason. */
  | { readonly step: 'refuse'; readonly error: ErrorName; readonly detail: string | undefined }

/** Who is signed in. */
export interface SignedIn {
  readonly session: Session
  /** Whether the person chose this session for this request. */
  readonly isSelected: boolean
  /** Whether the person must verify their e-mail address first (email-verification-rule.ts). */
  readonly mustVerifyEmail: boolean
  /** Whether nobody may do anything with a single factor (SIGNET_SECOND_FACTOR). */
  readonly needsTwoFactors: boolean
}

/**
 * What a request needs next: sign-in, sign-up, a verified address, a stronger factor, consent, or only the response (OpenID Connect Core §3.1.2.3,
 * §3.1.2.4).
 *
 * @param receivedAt milliseconds since 1970
 * @param hintedSub the `sub` of `id_token_hint`
 */
export function nextStep(
  request: AuthorizationRequest,
  receivedAt: number,
  signedIn: SignedIn | undefined,
  consent: GivenConsent | undefined,
  hintedSub: string | undefined,
): Step {
  const { prompt, acr } = request
  // OpenID Connect Core §5.5.1.1. No sign-in can change this, so nobody is asked for one.
  if (acr.isEssential && acr.classes.length === 0)
    return { step: 'refuse', error: 'acr_unreachable', detail: 'claims: none of the essential values of acr is known' }
  const session = signedIn?.session
  const silent = prompt.has('none')
  const fresh = session !== undefined && session.authTime >= receivedAt
  if (!session || !isSignInGood(request, receivedAt, session, hintedSub)) {
    if (silent)
      return { step: 'refuse', error: 'login_required', detail: whyNot(request, receivedAt, session, hintedSub) }
    // Signed in for this request, but not as the person that the client named: asking again would never end.
    if (fresh && isOfAnother(session, hintedSub))
      return { step: 'refuse', error: 'login_as_other_person', detail: whoseSession(session, hintedSub) }
    return { step: prompt.has('create') && !session ? 'sign-up' : 'sign-in' }
  }
  if (prompt.has('create') && !fresh) return { step: 'sign-up' }
  if (prompt.has('select_account') && !signedIn?.isSelected && !fresh) return { step: 'sign-in' }
  if (signedIn?.mustVerifyEmail) {
    if (!silent) return { step: 'verify-email', session }
    return {
      step: 'refuse',
      error: 'email_not_verified',
      detail: `session: sub ${session.account.sub} has no verified e-mail address`,
    }
  }
  const missing = missingClass(session.amr, acr.classes, signedIn?.needsTwoFactors === true)
  if (missing) {
    if (!silent) return { step: 'step-up', session }
    return {
      step: 'refuse',
      error: 'authentication_too_weak',
      detail: `acr: ${missing} is needed; the session has ${contextClassOf(session.amr)}`,
    }
  }
  if (!needsConsent(request, consent)) return { step: 'respond', session }
  if (silent)
    return {
      step: 'refuse',
      error: 'consent_required',
      detail: `scope: consented to ${consent?.scopes.join(' ') ?? 'nothing'}; asked for ${request.scopes.join(' ')}`,
    }
  return { step: 'consent', session }
}

function isSignInGood(
  request: AuthorizationRequest,
  receivedAt: number,
  session: Session,
  hintedSub: string | undefined,
): boolean {
  if (isOfAnother(session, hintedSub)) return false
  if (request.prompt.has('login') && session.authTime < receivedAt) return false
  return request.maxAge === undefined || session.authTime >= receivedAt - request.maxAge * 1000
}

function isOfAnother({ account }: Session, hintedSub: string | undefined): hintedSub is string {
  return hintedSub !== undefined && account.sub !== hintedSub
}

/** For the operator: why the session is not sufficient. */
function whyNot(
  request: AuthorizationRequest,
  receivedAt: number,
  session: Session | undefined,
  hintedSub: string | undefined,
): string | undefined {
  if (!session) return undefined
  if (isOfAnother(session, hintedSub)) return whoseSession(session, hintedSub)
  const age = Math.round((receivedAt - session.authTime) / 1000)
  return `max_age: ${request.maxAge} seconds; the person signed in ${age} seconds before the request`
}

function whoseSession({ account }: Session, hintedSub: string): string {
  return `session: of sub ${account.sub}; id_token_hint: of sub ${hintedSub}`
}
