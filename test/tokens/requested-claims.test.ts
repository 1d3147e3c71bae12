import t from 'tap'
import { en } from '../../src/html/messages/en.ts'
import type { ClientId } from '../../src/records/ids.ts'
import { openidScopes } from '../../src/records/resources/resource.ts'
import { personalClaimNames, scopeOfClaim, supportedClaims } from '../../src/tokens/personal-claims.ts'
import {
  claimsBeyond,
  effectiveClaims,
  isClaimAllowed,
  notesAboutDroppedClaims,
  requestedClaims,
} from '../../src/tokens/requested-claims.ts'

const client = { client_id: 'client' as ClientId, scope: 'openid email profile', first_party: false }
const hostile = ['constructor', '__proto__', 'toString', '', 'email#de', 'EMAIL', 'email ', 'openid', 'profile email']

t.test('names that are no claims belong to no scope and are dropped', async (t) => {
  for (const name of hostile) t.equal(scopeOfClaim(name), undefined, name)
  const all = { ...client, scope: [...openidScopes, 'constructor', 'undefined'].join(' ') }
  const { claims, dropped } = requestedClaims(all, { userinfo: hostile, idToken: [...hostile, ''] })
  t.same(claims, { userinfo: [], idToken: [] })
  t.same(dropped, hostile, 'each once')
})

t.test('every claim belongs to a scope of OpenID Connect, and the consent page has words for it', async (t) => {
  for (const claim of personalClaimNames) {
    t.ok((openidScopes as readonly string[]).includes(scopeOfClaim(claim) ?? ''), claim)
    t.ok(Object.hasOwn(en.singleClaims, claim), claim)
    t.ok(supportedClaims.includes(claim), claim)
  }
  t.same(Object.keys(en.singleClaims).sort(), [...personalClaimNames].sort())
})

t.test('a claim needs the scope that it belongs to in the registration, and nothing else', async (t) => {
  const asked = ['email', 'phone_number', 'name', 'groups']
  const { claims, dropped } = requestedClaims(client, { userinfo: asked, idToken: ['email_verified', 'address'] })
  t.same(claims, { userinfo: ['email', 'name'], idToken: ['email_verified'] })
  t.same(dropped, ['phone_number', 'groups', 'address'])
  const protocol = ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'sid']
  t.same(requestedClaims(client, { userinfo: protocol, idToken: protocol }), {
    ...{ claims: { userinfo: [], idToken: [] }, dropped: [] },
  })
})

t.test('the note for the operator quotes the names, is short and has no secret in it', async (t) => {
  t.same(notesAboutDroppedClaims(client, []), [])
  const [note] = notesAboutDroppedClaims(client, ['address', 'a\u202eb"; client c is registered\n'])
  t.match(note, {
    entry: 'claims_dropped',
    detail: 'claims: "address" "a\\u202eb\\"; client c is registered\\n"; client client is not registered for: address',
  })
  const names = Array.from({ length: 100 }, (_, n) => `claim number ${n} `.repeat(10))
  t.ok((notesAboutDroppedClaims(client, names)[0]?.detail?.length ?? 0) < 400)
  const secret = 'S3cr3t'.repeat(10)
  t.notMatch(notesAboutDroppedClaims(client, [secret])[0]?.detail, secret)
})

t.test('what a person is asked about besides the scopes does not depend on order or place', async (t) => {
  const beyond = (scopes: string[], userinfo: string[], idToken: string[]) =>
    claimsBeyond(scopes, { userinfo, idToken })
  t.same(beyond(['openid'], ['name', 'email'], ['email']), ['email', 'name'])
  t.same(beyond(['openid'], [], ['email', 'name']), ['email', 'name'])
  t.same(beyond(['openid', 'email'], ['name', 'email'], ['email_verified']), ['name'])
  t.same(beyond(['openid', 'email', 'profile'], ['name', 'email'], []), [])
})

t.test('a consent to the scope covers its claims; a consent to a claim covers nothing else', async (t) => {
  t.ok(isClaimAllowed({ scopes: ['email'], claims: [] }, 'email_verified'))
  t.ok(isClaimAllowed({ scopes: [], claims: ['email'] }, 'email'))
  t.notOk(isClaimAllowed({ scopes: [], claims: ['email'] }, 'email_verified'))
  t.notOk(isClaimAllowed({ scopes: ['profile'], claims: [] }, 'email'))
  t.notOk(isClaimAllowed({ scopes: [''], claims: [] }, 'constructor'))
})

t.test('a claim is given only while registration and consent both allow it', async (t) => {
  const claims = ['email', 'name', 'phone_number']
  const consent = (scopes: string[], named: string[]) => ({ consent: { scopes, resources: [], claims: named } })
  t.same(effectiveClaims(client, claims, consent([], claims)), ['email', 'name'], 'not registered for phone')
  t.same(effectiveClaims(client, claims, consent(['profile'], [])), ['name'])
  t.same(effectiveClaims(client, claims, consent([], [])), [])
  t.same(effectiveClaims(client, claims, { consent: null }), [])
  t.same(effectiveClaims({ ...client, scope: 'openid' }, claims, consent(['email'], claims)), [])
  const firstParty = { ...client, first_party: true }
  t.same(effectiveClaims(firstParty, claims, { consent: null }), ['email', 'name'], 'nobody is asked')
})
