import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { noClaims } from '../../src/records/grants/claims-of-request.ts'
import type { ClientId, GrantId, Sid, Sub } from '../../src/records/ids.ts'
import { isPkceVerified, judgeCode, type Redemption, type StoredCode } from '../../src/tokens/authorization-code.ts'
import type { GrantedPerson } from '../../src/tokens/granted-person-store.ts'

const verifier = randomBytes(32).toString('base64url')
const challengeOf = (text: string) => createHash('sha256').update(text).digest('base64url')

const person = { account: { sub: 'person' }, groups: [] } as unknown as GrantedPerson
const stored: StoredCode = {
  grant: {
    id: 'grant' as GrantId,
    clientId: 'client' as ClientId,
    sub: 'person' as Sub,
    scopes: ['openid'],
    resources: [],
    claims: noClaims,
    terms: { scopes: ['openid'], consent: null },
    ...{ authTime: 0, acr: 'aal1', amr: ['pwd'] },
  },
  redirectUri: 'https://app.example/callback',
  codeChallenge: challengeOf(verifier),
  nonce: undefined,
  sid: 'sid' as Sid,
  expired: false,
  person,
  spentAgo: undefined,
  isDocumentChanged: false,
}
const good: Redemption = { clientId: 'client', redirectUri: stored.redirectUri, codeVerifier: verifier }

/** What is wrong with each redemption, and its error. The first fault determines the error. */
const badBindings: readonly [what: string, Partial<Redemption>, error: string][] = [
  ['another client', { clientId: 'thief' }, 'code_unknown'],
  ['another redirect URI', { redirectUri: 'https://evil.example/callback' }, 'redirect_uri_differs'],
  ['a redirect URI with an additional slash', { redirectUri: `${stored.redirectUri}/` }, 'redirect_uri_differs'],
  ['no redirect URI', { redirectUri: undefined }, 'redirect_uri_differs'],
  ['no verifier', { codeVerifier: undefined }, 'code_verifier_missing'],
  ['an empty verifier', { codeVerifier: '' }, 'code_verifier_wrong'],
  ['another verifier', { codeVerifier: randomBytes(32).toString('base64url') }, 'code_verifier_wrong'],
  ['the challenge as the verifier', { codeVerifier: challengeOf(verifier) }, 'code_verifier_wrong'],
]

/** All other states of a code. */
const states: readonly Pick<StoredCode, 'expired' | 'person' | 'spentAgo'>[] = [false, true].flatMap((expired) =>
  [person, undefined].flatMap((alive) => [undefined, 0, 5].map((spentAgo) => ({ expired, person: alive, spentAgo }))),
)

t.test('an unknown code is rejected', async (t) => {
  t.match(judgeCode(undefined, good), { verdict: 'refused', error: 'code_unknown' })
})

t.test('a failed binding is rejected in every state of the code, and neither spends nor ends anything', async (t) => {
  for (const state of states)
    for (const [what, wrong, error] of badBindings)
      t.match(
        judgeCode({ ...stored, ...state }, { ...good, ...wrong }),
        { verdict: 'refused', error },
        `${what}, ${JSON.stringify(state)}`,
      )
})

t.test("the client is checked first, so that nobody learns anything about another client's code", async (t) => {
  for (const [what, wrong] of badBindings)
    t.match(judgeCode(stored, { ...good, ...wrong, clientId: 'thief' }), { error: 'code_unknown' }, what)
})

t.test('a verifier for a code without a challenge is a downgrade, in every state', async (t) => {
  const withoutPkce = { ...stored, codeChallenge: undefined }
  for (const state of states)
    t.match(
      judgeCode({ ...withoutPkce, ...state }, good),
      { verdict: 'refused', error: 'code_verifier_unexpected' },
      JSON.stringify(state),
    )
  t.match(judgeCode(withoutPkce, { ...good, codeVerifier: undefined }), { verdict: 'good' })
})

t.test('a spent code is a replay, even if it has expired or its grant has ended', async (t) => {
  for (const state of states.filter(({ spentAgo }) => spentAgo !== undefined)) {
    const code = { ...stored, ...state }
    t.same(
      judgeCode(code, good),
      { verdict: 'replayed', code, secondsAgo: state.spentAgo },
      `${JSON.stringify(state)}: zero seconds ago is spent, too`,
    )
  }
})

t.test(
  'a code that was not spent is rejected once it has expired or its grant has ended, and is otherwise valid',
  async (t) => {
    t.match(judgeCode({ ...stored, expired: true }, good), { verdict: 'refused', error: 'code_unknown' })
    t.match(judgeCode({ ...stored, person: undefined }, good), { verdict: 'refused', error: 'code_unknown' })
    t.same(judgeCode(stored, good), { verdict: 'good', code: stored })
  },
)

t.test('no two verifiers match one challenge, and an invalid verifier matches none', async (t) => {
  // RFC 7636, Appendix B.
  const [example, challenge] = [
    'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  ]
  t.ok(isPkceVerified(example, challenge))
  for (const other of ['', challenge, example.toLowerCase(), `${example} `, example.slice(1)])
    t.notOk(isPkceVerified(other, challenge), other)
  for (const other of ['', challenge.slice(1), `${challenge}AA`, example])
    t.notOk(isPkceVerified(example, other), `challenge ${other}`)
})
