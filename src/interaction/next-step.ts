import type { ErrorName } from '../protocol/errors/error-registry.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import type { Consent, GivenConsent } from '../records/consents/consents-store.ts'
import type { Subject } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import { contextClassOf, missingClass } from '../tokens/authentication.ts'
import { claimsBeyond } from '../tokens/requested-claims.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import { isStranger, needsConsent } from './consent/consent-rule.ts'

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
  /** The person as the client of the request knows them. */
  readonly subject: Subject
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
 * @param hinted the `sub` of `id_token_hint`. Nobody but this person, and the people that the claim `sub` names, can answer the request
 */
export function nextStep(
  request: AuthorizationRequest,
  receivedAt: number,
  signedIn: SignedIn | undefined,
  consent: GivenConsent | undefined,
  hinted: Subject | undefined,
): Step {
  const { prompt, acr } = request
  // OpenID Connect Core §5.5.1.1. No sign-in can change this, so nobody is asked for one.
  if (acr.isEssential && acr.classes.length === 0)
    return { step: 'refuse', error: 'acr_unreachable', detail: 'claims: none of the essential values of acr is known' }
  const named = namedPeople(request, hinted)
  // OpenID Connect Core §5.5.1, §3.1.2.2. The same.
  if (named?.subjects.length === 0)
    return { step: 'refuse', error: 'login_as_other_person', detail: 'claims: nobody has a sub that fits everything' }
  const session = signedIn?.session
  const silent = prompt.has('none')
  // Before the comparison. Subjects are not secret: any client that knows one could otherwise find out whether it is this person who visits its pages.
  if (silent && session && named?.by === 'claims' && isStranger(request.target, consent))
    return { step: 'refuse', error: 'login_required', detail: 'claims: the client may not ask whether it is this sub' }
  // Whether there is a session is what anybody learns with prompt=none. When and how its person signed in, and whether they have verified an address, is not: with max_age
  // and acr, a client that they have allowed nothing could find out which of its visitors have a password only, or recognise them elsewhere by the second.
  if (silent && session && !named && isStranger(request.target, consent))
    return { step: 'refuse', error: 'consent_required', detail: `scope: ${consentInWords(request, consent)}` }
  const fresh = session !== undefined && session.authTime >= receivedAt
  if (!signedIn || !session || !isSignInGood(request, receivedAt, signedIn, named)) {
    if (silent) return { step: 'refuse', error: 'login_required', detail: whyNot(request, receivedAt, signedIn, named) }
    // Signed in for this request, but not as the person that the client named: asking again would never end.
    if (fresh && signedIn && isOfAnother(signedIn, named))
      return { step: 'refuse', error: 'login_as_other_person', detail: whoseSession(signedIn, named) }
    return { step: prompt.has('create') && !session ? 'sign-up' : 'sign-in' }
  }
  if (prompt.has('create') && !fresh) return { step: 'sign-up' }
  if (prompt.has('select_account') && !signedIn.isSelected && !fresh) return { step: 'sign-in' }
  if (signedIn.mustVerifyEmail) {
    if (!silent) return { step: 'verify-email', session }
    return {
      step: 'refuse',
      error: 'email_not_verified',
      detail: `session: sub ${session.account.sub} has no verified e-mail address`,
    }
  }
  const missing = missingClass(session.amr, acr.classes, signedIn.needsTwoFactors)
  if (missing) {
    if (!silent) return { step: 'step-up', session }
    return {
      step: 'refuse',
      error: 'authentication_too_weak',
      detail: `acr: ${missing} is needed; the session has ${contextClassOf(session.amr)}`,
    }
  }
  if (!needsConsent(request, consent)) return { step: 'respond', session }
  if (silent) return { step: 'refuse', error: 'consent_required', detail: `scope: ${consentInWords(request, consent)}` }
  return { step: 'consent', session }
}

/** The only people who may answer a request, as its client knows them. */
interface NamedPeople {
  readonly subjects: readonly string[]
  /** The parameter that names them. */
  readonly by: 'id_token_hint' | 'claims'
}

/**
 * The person of `id_token_hint` (OpenID Connect Core §3.1.2.1), the people that the claim `sub` names (§5.5.1), or those that both name.
 *
 * @returns undefined if anybody may answer
 */
function namedPeople({ claimedSubs }: AuthorizationRequest, hinted: Subject | undefined): NamedPeople | undefined {
  if (hinted === undefined) return claimedSubs && { subjects: claimedSubs, by: 'claims' }
  const fits = claimedSubs === undefined || claimedSubs.includes(hinted)
  return { subjects: fits ? [hinted] : [], by: 'id_token_hint' }
}

function isSignInGood(
  request: AuthorizationRequest,
  receivedAt: number,
  signedIn: SignedIn,
  named: NamedPeople | undefined,
): boolean {
  const { authTime } = signedIn.session
  if (isOfAnother(signedIn, named)) return false
  if (request.prompt.has('login') && authTime < receivedAt) return false
  return request.maxAge === undefined || authTime >= receivedAt - request.maxAge * 1000
}

/** Hint and claim name the person as the client knows them, and so must the comparison (OpenID Connect Core §8). */
function isOfAnother({ subject }: SignedIn, named: NamedPeople | undefined): named is NamedPeople {
  return named !== undefined && !named.subjects.includes(subject)
}

/** For the operator: what the person has allowed, and what the request asks for, with single claims after the scopes. */
function consentInWords({ scopes, claims }: AuthorizationRequest, consent: Consent | undefined): string {
  const allowed = consent && [...consent.scopes, ...consent.claims]
  const asked = [...scopes, ...claimsBeyond(scopes, claims)]
  return `consented to ${allowed?.join(' ') ?? 'nothing'}; asked for ${asked.join(' ')}`
}

/** For the operator: why the session is not sufficient. */
function whyNot(
  request: AuthorizationRequest,
  receivedAt: number,
  signedIn: SignedIn | undefined,
  named: NamedPeople | undefined,
): string | undefined {
  if (!signedIn) return undefined
  if (isOfAnother(signedIn, named)) return whoseSession(signedIn, named)
  const age = Math.round((receivedAt - signedIn.session.authTime) / 1000)
  return `max_age: ${request.maxAge} seconds; the person signed in ${age} seconds before the request`
}

function whoseSession({ session, subject }: SignedIn, { subjects, by }: NamedPeople): string {
  const { sub } = session.account
  const known = subject === (sub as string) ? '' : `, whom the client knows as ${subject}`
  return `session: of sub ${sub}${known}; ${by}: of sub ${shortened(subjects.join(' '), 200)}`
}
