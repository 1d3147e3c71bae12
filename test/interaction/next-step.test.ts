import t from 'tap'
import type { AuthorizationRequest } from '../../src/interaction/authorization-request.ts'
import { nextStep } from '../../src/interaction/next-step.ts'

const receivedAt = 1_763_779_200_000
const session = { sub: 'ada', authTime: receivedAt - 60_000, selected: false }
const consent = { scopes: ['openid', 'notes:read'], resources: ['https://notes.example'] }

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

const step = (changes?: Parameters<typeof request>[0], known: typeof consent | 'none' = consent) =>
  nextStep(request(changes), receivedAt, session, known === 'none' ? undefined : known, undefined).step

t.test('a consent covers the scopes and the resources that it names, and no other', async (t) => {
  t.equal(step(), 'respond')
  t.equal(step({ scopes: ['openid'], resources: [] }), 'respond')
  t.equal(step({ scopes: ['openid', 'notes:write'] }), 'consent')
  t.equal(step({ resources: ['https://mail.example'] }), 'consent')
  t.equal(step({ resources: ['https://notes.example', 'https://mail.example'] }), 'consent')
  t.equal(step({ scopes: [], resources: [] }, 'none'), 'consent', 'even where nothing is asked for')
})

t.test('only a first-party client that nobody can impersonate goes without consent', async (t) => {
  const client = { first_party: true }
  t.equal(step({ client }, 'none'), 'respond')
  const app = { first_party: true, token_endpoint_auth_method: 'none' }
  t.equal(step({ client: app }, 'none'), 'respond')
  for (const redirectUri of ['http://127.0.0.1/callback', 'com.example.app:/callback'])
    t.equal(step({ client: app, redirectUri }), 'consent', redirectUri)
  t.equal(step({ client, prompt: new Set(['consent']) }), 'consent')
})

t.test('max_age counts from the moment of the request, to the millisecond', async (t) => {
  t.equal(step({ maxAge: 60 }), 'respond')
  t.equal(step({ maxAge: 59 }), 'sign-in')
  t.equal(step({ maxAge: 0 }), 'sign-in')
  t.equal(step({ maxAge: 59, prompt: new Set(['none']) }), 'refuse')
})

t.test('prompt=none never shows a page', async (t) => {
  const prompt = new Set(['none'])
  const silent = (...rest: [typeof session | undefined, typeof consent | undefined, string | undefined]) =>
    nextStep(request({ prompt }), receivedAt, ...rest)
  t.match(silent(undefined, consent, undefined), { step: 'refuse', error: 'login_required' })
  t.match(silent(session, consent, 'bob'), { step: 'refuse', error: 'login_required' })
  t.match(silent(session, undefined, undefined), { step: 'refuse', error: 'consent_required' })
  t.match(silent(session, consent, 'ada'), { step: 'respond' })
})
