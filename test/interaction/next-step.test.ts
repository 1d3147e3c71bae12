import t from 'tap'
import type { AuthorizationRequest } from '../../src/interaction/authorization-request.ts'
import { nextStep } from '../../src/interaction/next-step.ts'
import type { Session } from '../../src/records/sessions/sessions-store.ts'

const receivedAt = 1_763_779_200_000
const session = sessionOf('ada', receivedAt - 60_000)
const consent = { scopes: ['openid', 'notes:read'], resources: ['https://notes.example'] }

function sessionOf(sub: string, authTime: number): Session {
  return { account: { sub }, authTime } as Session
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
    prompt: new Set(),
    maxAge: undefined,
    ...more,
  } as unknown as AuthorizationRequest
}

/** The request is of somebody who signed in a minute before it, unless something else is said. */
interface Known {
  readonly session?: Session | undefined
  readonly isSelected?: boolean
  readonly consent?: typeof consent | undefined
  readonly hintedSub?: string
}

function decided(changes: Parameters<typeof request>[0], known: Known = {}) {
  const who = 'session' in known ? known.session : session
  return nextStep(
    request(changes),
    receivedAt,
    who && { session: who, isSelected: known.isSelected ?? false },
    'consent' in known ? known.consent : consent,
    known.hintedSub,
  )
}

const step = (changes: Parameters<typeof request>[0] = {}, known?: Known) => decided(changes, known).step
const noConsent = { consent: undefined }
const prompted = (...words: string[]) => ({ prompt: new Set(words) })

t.test('what each request needs next', async (t) => {
  const fresh = sessionOf('ada', receivedAt)
  const nobody = { session: undefined }
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
    ['prompt=none, nobody', prompted('none'), nobody, 'refuse'],
    ['prompt=none, nothing allowed yet', prompted('none'), noConsent, 'refuse'],
    ['a hint at the person', {}, { hintedSub: 'ada' }, 'respond'],
    ['a hint at somebody else', {}, { hintedSub: 'bob' }, 'sign-in'],
    ['a hint at somebody, nobody signed in', {}, { ...nobody, hintedSub: 'bob' }, 'sign-in'],
    ['a hint at somebody else, signed in since', {}, { session: fresh, hintedSub: 'bob' }, 'refuse'],
    ['a hint at somebody else, none', prompted('none'), { hintedSub: 'bob' }, 'refuse'],
    ['a hint, prompt=create, nobody', prompted('create'), { ...nobody, hintedSub: 'bob' }, 'sign-up'],
  ]
  for (const [what, changes, known, expected] of table) t.equal(step(changes, known), expected, what)
})

t.test('a consent covers the scopes and the resources that it names, and no other', async (t) => {
  t.equal(step({ scopes: ['openid'], resources: [] }), 'respond')
  t.equal(step({ scopes: ['openid', 'notes:write'] }), 'consent')
  t.equal(step({ resources: ['https://mail.example'] }), 'consent')
  t.equal(step({ resources: ['https://notes.example', 'https://mail.example'] }), 'consent')
  t.equal(step({ scopes: [], resources: [] }, noConsent), 'consent', 'even where nothing is asked for')
})

t.test('only a first-party client that nobody can impersonate goes without consent', async (t) => {
  const client = { first_party: true }
  t.equal(step({ client }, noConsent), 'respond')
  const app = { first_party: true, token_endpoint_auth_method: 'none' }
  t.equal(step({ client: app }, noConsent), 'respond')
  for (const redirectUri of ['http://127.0.0.1/callback', 'com.example.app:/callback'])
    t.equal(step({ client: app, redirectUri }), 'consent', redirectUri)
  t.equal(step({ client, ...prompted('consent') }), 'consent')
})

t.test('max_age counts from the moment of the request, to the millisecond', async (t) => {
  t.equal(step({ maxAge: 60 }), 'respond')
  t.equal(step({ maxAge: 59 }), 'sign-in')
  t.equal(step({ maxAge: 0 }), 'sign-in')
  t.equal(step({ maxAge: 0 }, { session: sessionOf('ada', receivedAt) }), 'respond')
  t.equal(step({ maxAge: 0 }, { session: sessionOf('ada', receivedAt - 1) }), 'sign-in')
  t.equal(step({ maxAge: 59, ...prompted('none') }), 'refuse')
})

t.test('a refusal says which and why, and who is not signed in is told nothing of it', async (t) => {
  const none = prompted('none')
  t.same(decided(none, { session: undefined }), { step: 'refuse', error: 'login_required', detail: undefined })
  t.match(decided(none, { hintedSub: 'bob' }), {
    error: 'login_required',
    detail: 'session: of sub ada; id_token_hint: of sub bob',
  })
  t.match(decided({ maxAge: 59, ...none }), { error: 'login_required', detail: 'signed in 60 seconds before' })
  t.match(decided(none, noConsent), { error: 'consent_required', detail: 'consented to nothing' })
  t.match(decided({}, { session: sessionOf('ada', receivedAt), hintedSub: 'bob' }), {
    error: 'login_as_other_person',
    detail: 'session: of sub ada; id_token_hint: of sub bob',
  })
})

t.test('a step that the session is needed for has it', async (t) => {
  t.same(decided({}), { step: 'respond', session })
  t.same(decided({}, noConsent), { step: 'consent', session })
})
