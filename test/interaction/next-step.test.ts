import t from 'tap'
import type { AuthorizationRequest } from '../../src/interaction/authorization-request.ts'
import { canBeImpersonated, resourcesAskedAbout } from '../../src/interaction/consent/consent-rule.ts'
import { nextStep } from '../../src/interaction/next-step.ts'
import type { Consent } from '../../src/records/consents/consents-store.ts'
import { noClaims } from '../../src/records/grants/claims-of-request.ts'
import type { Subject } from '../../src/records/ids.ts'
import type { Session } from '../../src/records/sessions/sessions-store.ts'

const receivedAt = 1_763_779_200_000
const session = sessionOf('ada', receivedAt - 60_000)
const consent: Consent = { scopes: ['openid', 'notes:read'], resources: ['https://notes.example'], claims: [] }

function sessionOf(sub: string, authTime: number): Session {
  return { account: { sub }, authTime, amr: ['pwd'] } as unknown as Session
}

function request(changes: { client?: object; redirectUri?: string; [name: string]: unknown } = {}) {
  const { client, redirectUri = 'https://app.example/callback', ...more } = changes
  return {
    target: {
      client: { token_endpoint_auth_method: 'client_secret_basic', first_party: false, ...client },
      redirectUri,
    },
    scopes: ['openid', 'notes:read'],
    resources: ['https://notes.example'],
    claims: noClaims,
    prompt: new Set(),
    maxAge: undefined,
    acr: { classes: [], isEssential: false },
    ...more,
  } as unknown as AuthorizationRequest
}

/** By default the request is of somebody who signed in a minute before it. */
interface Known {
  readonly session?: Session | undefined
  readonly isSelected?: boolean
  readonly mustVerifyEmail?: boolean
  readonly needsTwoFactors?: boolean
  readonly consent?: Consent | undefined
  readonly hintedSub?: string
  /** The person as the client knows them; without it, that is the account's `sub`. */
  readonly subject?: string
}

function decided(changes: Parameters<typeof request>[0], known: Known = {}) {
  const who = 'session' in known ? known.session : session
  return nextStep(
    request(changes),
    receivedAt,
    who && {
      session: who,
      subject: (known.subject ?? who.account.sub) as Subject,
      isSelected: known.isSelected ?? false,
      mustVerifyEmail: known.mustVerifyEmail ?? false,
      needsTwoFactors: known.needsTwoFactors ?? false,
    },
    'consent' in known
      ? known.consent && { isOutdated: false, ...known.consent }
      : consent && { isOutdated: false, ...consent },
    known.hintedSub as Subject | undefined,
  )
}

const step = (changes: Parameters<typeof request>[0] = {}, known?: Known) => decided(changes, known).step
const noConsent = { consent: undefined }
const wanting = (...classes: string[]) => ({ acr: { classes, isEssential: false } })
const prompted = (...words: string[]) => ({ prompt: new Set(words) })

t.test('each request gets its next step', async (t) => {
  const fresh = sessionOf('ada', receivedAt)
  const nobody = { session: undefined }
  const strong = (...amr: string[]) => ({ ...session, amr })
  const unreachable = { acr: { classes: [], isEssential: true } }
  const table: [what: string, changes: Parameters<typeof request>[0], known: Known, step: string][] = [
    ['nobody is signed in', {}, nobody, 'sign-in'],
    ['signed in and consented', {}, {}, 'respond'],
    ['signed in, nothing allowed yet', {}, noConsent, 'consent'],
    ['prompt=login, signed in before', prompted('login'), {}, 'sign-in'],
    ['prompt=login, signed in since', prompted('login'), { session: fresh }, 'respond'],
    [
      'prompt=login, signed in since, nothing allowed yet',
      prompted('login'),
      { session: fresh, ...noConsent },
      'consent',
    ],
    ['prompt=create, nobody', prompted('create'), nobody, 'sign-up'],
    ['prompt=create, signed in before', prompted('create'), {}, 'sign-up'],
    ['prompt=create, signed in since', prompted('create'), { session: fresh }, 'respond'],
    ['prompt=create login, signed in before', prompted('create', 'login'), {}, 'sign-in'],
    ['prompt=select_account, nobody', prompted('select_account'), nobody, 'sign-in'],
    ['prompt=select_account, not chosen', prompted('select_account'), {}, 'sign-in'],
    ['prompt=select_account, chosen', prompted('select_account'), { isSelected: true }, 'respond'],
    ['prompt=select_account, signed in since', prompted('select_account'), { session: fresh }, 'respond'],
    ['prompt=login select_account, chosen', prompted('login', 'select_account'), { isSelected: true }, 'sign-in'],
    ['prompt=consent, allowed before', prompted('consent'), {}, 'consent'],
    ['prompt=none', prompted('none'), {}, 'respond'],
    ['prompt=none, a hint at the person', prompted('none'), { hintedSub: 'ada' }, 'respond'],
    ['the person by the claim sub', { claimedSubs: ['bob', 'ada'] }, {}, 'respond'],
    ['somebody else by the claim sub', { claimedSubs: ['bob'] }, {}, 'sign-in'],
    ['somebody else by the claim sub, prompt=none', { claimedSubs: ['bob'], ...prompted('none') }, {}, 'refuse'],
    ['somebody else by the claim sub, signed in since', { claimedSubs: ['bob'] }, { session: fresh }, 'refuse'],
    ['the person by the claim sub, prompt=none', { claimedSubs: ['ada'], ...prompted('none') }, {}, 'respond'],
    ['the person by the claim sub, nothing allowed yet', { claimedSubs: ['ada'] }, noConsent, 'consent'],
    ['nobody signed in, the claim sub', { claimedSubs: ['bob'] }, nobody, 'sign-in'],
    ['nobody by the claim sub', { claimedSubs: [] }, nobody, 'refuse'],
    ['a hint and the claim sub, the same', { claimedSubs: ['bob', 'ada'] }, { hintedSub: 'ada' }, 'respond'],
    ['a hint and the claim sub, different', { claimedSubs: ['bob'] }, { hintedSub: 'ada' }, 'refuse'],
    ['a hint at somebody else, the claim sub', { claimedSubs: ['bob', 'ada'] }, { hintedSub: 'bob' }, 'sign-in'],
    ['a claim that was not allowed yet', { claims: { userinfo: ['email'], idToken: [] } }, {}, 'consent'],
    ['the same for the ID token', { claims: { userinfo: [], idToken: ['email'] } }, {}, 'consent'],
    ['the same, prompt=none', { claims: { userinfo: ['email'], idToken: [] }, ...prompted('none') }, {}, 'refuse'],
    [
      'a claim that was allowed',
      { claims: { userinfo: ['email'], idToken: ['email'] } },
      { consent: { ...consent, claims: ['email'] } },
      'respond',
    ],
    [
      'a claim whose scope was allowed',
      { claims: { userinfo: ['email'], idToken: [] } },
      { consent: { ...consent, scopes: [...consent.scopes, 'email'] } },
      'respond',
    ],
    [
      'a scope of which a claim was allowed',
      { scopes: ['openid', 'email'] },
      { consent: { ...consent, claims: ['email', 'email_verified'] } },
      'consent',
    ],
    [
      'a claim, an operator’s own application',
      { client: { first_party: true }, claims: { userinfo: ['email'], idToken: [] } },
      noConsent,
      'respond',
    ],
    ['prompt=none, nobody', prompted('none'), nobody, 'refuse'],
    ['prompt=none, nothing allowed yet', prompted('none'), noConsent, 'refuse'],
    ['a hint at the person', {}, { hintedSub: 'ada' }, 'respond'],
    ['a hint at somebody else', {}, { hintedSub: 'bob' }, 'sign-in'],
    ['a hint at the subject that the client sees', {}, { subject: 'pairwise', hintedSub: 'pairwise' }, 'respond'],
    [
      "a hint at the account's own sub, which the client does not see",
      {},
      { subject: 'pairwise', hintedSub: 'ada' },
      'sign-in',
    ],
    ['a hint at somebody, nobody signed in', {}, { ...nobody, hintedSub: 'bob' }, 'sign-in'],
    ['a hint at somebody else, signed in since', {}, { session: fresh, hintedSub: 'bob' }, 'refuse'],
    ['a hint at somebody else, none', prompted('none'), { hintedSub: 'bob' }, 'refuse'],
    ['address not verified', {}, { mustVerifyEmail: true }, 'verify-email'],
    ['address not verified, nothing allowed yet', {}, { mustVerifyEmail: true, ...noConsent }, 'verify-email'],
    ['address not verified, prompt=none', prompted('none'), { mustVerifyEmail: true }, 'refuse'],
    ['address not verified, prompt=consent', prompted('consent'), { mustVerifyEmail: true }, 'verify-email'],
    ['address not verified, prompt=create', prompted('create'), { mustVerifyEmail: true }, 'sign-up'],
    ['address not verified, not chosen', prompted('select_account'), { mustVerifyEmail: true }, 'sign-in'],
    ['address not verified, signed in too long ago', { maxAge: 59 }, { mustVerifyEmail: true }, 'sign-in'],
    ['a class that the session has', wanting('aal1'), {}, 'respond'],
    ['two factors wanted', wanting('aal2'), {}, 'step-up'],
    ['two factors wanted, nobody', wanting('aal2'), nobody, 'sign-in'],
    ['two factors wanted, nothing allowed yet', wanting('aal2'), noConsent, 'step-up'],
    ['two factors wanted, prompt=none', { ...wanting('aal2'), ...prompted('none') }, {}, 'refuse'],
    ['two factors wanted, one is enough', wanting('aal2', 'aal1'), {}, 'respond'],
    ['two factors wanted, signed in too long ago', { ...wanting('aal2'), maxAge: 59 }, {}, 'sign-in'],
    ['two factors wanted, signed in with them', wanting('aal2'), { session: strong('pwd', 'otp', 'mfa') }, 'respond'],
    ['a passkey wanted, signed in with a code', wanting('phr'), { session: strong('pwd', 'otp', 'mfa') }, 'step-up'],
    ['a passkey wanted, or a code', wanting('phr', 'aal2'), { session: strong('pwd', 'otp', 'mfa') }, 'respond'],
    ['a passkey wanted, signed in with it', wanting('phr'), { session: strong('pop', 'user', 'mfa') }, 'respond'],
    ['address not verified, two factors wanted', wanting('aal2'), { mustVerifyEmail: true }, 'verify-email'],
    ['essential, and unreachable', unreachable, {}, 'refuse'],
    ['essential, and unreachable, nobody', unreachable, nobody, 'refuse'],
    ['everybody needs two factors', {}, { needsTwoFactors: true }, 'step-up'],
    [
      'everybody needs two factors, one is enough for the client',
      wanting('aal1'),
      { needsTwoFactors: true },
      'step-up',
    ],
    ['everybody needs two factors, prompt=none', prompted('none'), { needsTwoFactors: true }, 'refuse'],
    ['a hint, prompt=create, nobody', prompted('create'), { ...nobody, hintedSub: 'bob' }, 'sign-up'],
  ]
  for (const [what, changes, known, expected] of table) t.equal(step(changes, known), expected, what)
})

/** Every kind of request, for every person in every state. */
function everyCase() {
  const words = ['none', 'login', 'create', 'select_account', 'consent'] as const
  // prompt=none never comes with another value: such a request is rejected earlier.
  const prompts = [
    ['none'],
    ...Array.from({ length: 16 }, (_, bits) => words.slice(1).filter((_, index) => bits & (1 << index))),
  ]
  const sessions = [
    undefined,
    ...['ada', 'bob'].flatMap((sub) => [-60_000, 0].map((age) => sessionOf(sub, receivedAt + age))),
  ]
  const consents = [undefined, { ...consent, scopes: ['openid'] }, { ...consent, resources: [] }, consent]
  const clients = [{}, { first_party: true }, { first_party: true, token_endpoint_auth_method: 'none' }]
  const uris = ['https://app.example/callback', 'http://127.0.0.1/callback']
  return prompts.flatMap((prompt) =>
    [undefined, 0, 59, 60].flatMap((maxAge) =>
      [undefined, 'ada'].flatMap((hintedSub) =>
        sessions.flatMap((session) =>
          [0, 1, 2, 3, 4, 6].flatMap((bits) =>
            consents.flatMap((allowed) =>
              clients.flatMap((client) =>
                uris.map((redirectUri) => ({
                  ...{ prompt, maxAge, hintedSub, session, allowed, client, redirectUri },
                  ...{ isSelected: (bits & 1) === 1, isUnverified: (bits & 2) === 2, isWeak: (bits & 4) === 4 },
                  outcome: decided(
                    { client, redirectUri, maxAge, ...prompted(...prompt), ...(bits & 4 && wanting('aal2')) },
                    {
                      session,
                      isSelected: (bits & 1) === 1,
                      mustVerifyEmail: (bits & 2) === 2,
                      consent: allowed,
                      ...(hintedSub !== undefined && { hintedSub }),
                    },
                  ),
                })),
              ),
            ),
          ),
        ),
      ),
    ),
  )
}

t.test('no combination of prompt, max_age, hint, session, verification, acr and consent bypasses a rule', async (t) => {
  const broken: unknown[] = []
  const cases = everyCase()
  for (const { outcome, ...one } of cases) {
    const { prompt, maxAge, hintedSub, session, isSelected, isUnverified, isWeak, allowed, client, redirectUri } = one
    const wants = (word: string) => prompt.includes(word)
    const age = session && receivedAt - session.authTime
    const isFresh = age !== undefined && age <= 0
    const isSomebodyElse = session !== undefined && hintedSub !== undefined && session.account.sub !== hintedSub
    const isTooOld = age !== undefined && maxAge !== undefined && age > maxAge * 1000
    const isGood = session && !isSomebodyElse && !isTooOld && (isFresh || !wants('login'))
    const isNew = isFresh || !wants('create')
    const isChosen = isFresh || isSelected || !wants('select_account')
    const isPublic = 'token_endpoint_auth_method' in client
    const isAllowed = allowed?.scopes.includes('notes:read') && allowed.resources.length > 0
    const isImpersonable = isPublic && !redirectUri.startsWith('https:')
    const isStrange = isImpersonable || (!('first_party' in client) && allowed === undefined)
    const mustAsk = wants('consent') || isImpersonable
    const mayGo = !mustAsk && (isAllowed || 'first_party' in client)
    // The rules in their order: who the person is, then whether to ask for a new account or a choice of account, then a verified address, then a second factor, then consent.
    const ofKnown = !isGood
      ? wants('none')
        ? 'login_required'
        : isSomebodyElse && isFresh
          ? 'login_as_other_person'
          : wants('create') && !session
            ? 'sign-up'
            : 'sign-in'
      : !isNew
        ? 'sign-up'
        : !isChosen
          ? 'sign-in'
          : isUnverified
            ? wants('none')
              ? 'email_not_verified'
              : 'verify-email'
            : isWeak
              ? wants('none')
                ? 'authentication_too_weak'
                : 'step-up'
              : mayGo
                ? 'respond'
                : wants('none')
                  ? 'consent_required'
                  : 'consent'
    // Nothing about the session is said to a client that has been allowed nothing.
    const isTold = !(wants('none') && session && hintedSub === undefined && isStrange)
    const expected = isTold ? ofKnown : 'consent_required'
    const found = outcome.step === 'refuse' ? outcome.error : outcome.step
    const hasSession = 'session' in outcome ? outcome.session === session : true
    if (found !== expected || !hasSession) broken.push({ ...one, expected, found })
  }
  t.ok(cases.length > 60_000, `${cases.length} cases`)
  t.same(broken.slice(0, 3), [])
})

t.test('the consent page asks about the requested APIs and those that own a requested scope', async (t) => {
  const owner = (identifier: string, scopes: string[]) => ({ identifier, scopes })
  const allowed = [
    owner('https://notes.example', ['notes:read', 'notes:write']),
    owner('https://mail.example', ['mail:read']),
    owner('https://files.example', ['files:read']),
  ]
  const asked = (scopes: string[], resources: string[]) => {
    const { target, ...rest } = request({ client: { allowed }, scopes, resources })
    return resourcesAskedAbout({ ...rest, client: target.client }).map(({ identifier }) => identifier)
  }
  t.same(asked(['openid', 'notes:read'], []), ['https://notes.example'])
  t.same(asked(['openid'], ['https://mail.example']), ['https://mail.example'])
  t.same(asked(['notes:write'], ['https://mail.example']), ['https://notes.example', 'https://mail.example'])
  t.same(asked(['openid'], []), [])
})

t.test(
  'only a client that does not authenticate, and whose redirect URI any app can receive, can be impersonated',
  async (t) => {
    const by = (
      token_endpoint_auth_method: 'none' | 'client_secret_basic',
      redirectUri: string,
      isFrontChannel = false,
    ): boolean => canBeImpersonated({ client: { token_endpoint_auth_method }, redirectUri, isFrontChannel })
    t.notOk(by('none', 'https://app.example/callback'))
    t.ok(by('none', 'http://127.0.0.1/callback'))
    t.ok(by('none', 'com.example.app:/callback'))
    t.notOk(by('client_secret_basic', 'http://127.0.0.1/callback'))
    // Nobody needs the secret for tokens from the authorization endpoint.
    t.ok(by('client_secret_basic', 'http://127.0.0.1/callback', true))
    t.ok(by('client_secret_basic', 'com.example.app:/callback', true))
    t.notOk(by('client_secret_basic', 'https://app.example/callback', true))
  },
)

t.test('a consent covers exactly the scopes and resources that it names', async (t) => {
  t.equal(step({ scopes: ['openid'], resources: [] }), 'respond')
  t.equal(step({ scopes: ['openid', 'notes:write'] }), 'consent')
  t.equal(step({ resources: ['https://mail.example'] }), 'consent')
  t.equal(step({ resources: ['https://notes.example', 'https://mail.example'] }), 'consent')
  t.equal(step({ scopes: [], resources: [] }, noConsent), 'consent', 'even if nothing is requested')
})

t.test('only a first-party client that nobody can impersonate skips the consent page', async (t) => {
  const client = { first_party: true }
  t.equal(step({ client }, noConsent), 'respond')
  const app = { first_party: true, token_endpoint_auth_method: 'none' }
  t.equal(step({ client: app }, noConsent), 'respond')
  for (const redirectUri of ['http://127.0.0.1/callback', 'com.example.app:/callback'])
    t.equal(step({ client: app, redirectUri }), 'consent', redirectUri)
  t.equal(step({ client, ...prompted('consent') }), 'consent')
})

t.test('a client that the person has allowed nothing cannot find out silently who they are', async (t) => {
  const none = prompted('none')
  const answers = (changes: Parameters<typeof request>[0], known: Known) =>
    [['ada'], ['bob'], ['bob', 'ada']].map((claimedSubs) => {
      const answer = decided({ ...none, ...changes, claimedSubs }, known)
      return answer.step === 'refuse' ? answer.error : answer.step
    })
  const same = ['login_required', 'login_required', 'login_required']
  t.same(answers({}, noConsent), same)
  t.same(answers({}, { ...noConsent, mustVerifyEmail: true, needsTwoFactors: true }), same)
  t.same(answers({}, { session: undefined }), same)
  const loopback = { client: { token_endpoint_auth_method: 'none' }, redirectUri: 'http://127.0.0.1/callback' }
  t.same(answers(loopback, {}), same, 'another app could be listening')
  const known = ['respond', 'login_required', 'respond']
  t.same(answers({}, {}), known)
  t.same(answers({ client: { first_party: true } }, noConsent), known, "an operator's own application")
})

t.test('max_age counts from the time of the request, to the millisecond', async (t) => {
  t.equal(step({ maxAge: 60 }), 'respond')
  t.equal(step({ maxAge: 59 }), 'sign-in')
  t.equal(step({ maxAge: 0 }), 'sign-in')
  t.equal(step({ maxAge: 0 }, { session: sessionOf('ada', receivedAt) }), 'respond')
  t.equal(step({ maxAge: 0 }, { session: sessionOf('ada', receivedAt - 1) }), 'sign-in')
  t.equal(step({ maxAge: 59, ...prompted('none') }), 'refuse')
})

t.test('a refusal carries its error, and a reason for the operator if somebody is signed in', async (t) => {
  const none = prompted('none')
  t.same(decided(none, { session: undefined }), { step: 'refuse', error: 'login_required', detail: undefined })
  t.match(decided(none, { hintedSub: 'bob' }), {
    error: 'login_required',
    detail: 'session: of sub ada; id_token_hint: of sub bob',
  })
  t.match(decided({ maxAge: 59, ...none }), { error: 'login_required', detail: 'signed in 60 seconds before' })
  t.match(decided(none, { mustVerifyEmail: true }), {
    error: 'email_not_verified',
    detail: 'session: sub ada has no verified e-mail address',
  })
  t.match(decided(none, noConsent), {
    error: 'consent_required',
    detail: 'consented to nothing; asked for openid notes:read',
  })
  const outdated = { consent: { ...consent, isOutdated: true } }
  t.match(
    decided({ maxAge: 59, ...none }, outdated),
    { error: 'consent_required' },
    'a changed client does not learn when somebody signed in',
  )
  t.match(decided({}, { session: sessionOf('ada', receivedAt), hintedSub: 'bob' }), {
    error: 'login_as_other_person',
    detail: 'session: of sub ada; id_token_hint: of sub bob',
  })
})

t.test('the steps verify-email, consent and respond carry the session', async (t) => {
  t.same(decided({}, { mustVerifyEmail: true }), { step: 'verify-email', session })
  t.same(decided({}), { step: 'respond', session })
  t.same(decided({}, noConsent), { step: 'consent', session })
})
