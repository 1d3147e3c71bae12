import t from 'tap'
import type { Account } from '../../src/records/accounts/account.ts'
import { openidScopes } from '../../src/records/resources/resource.ts'
import {
  groupClaims,
  personalClaimNames,
  personalClaims,
  personalClaimsForIdToken,
  personVisibleTo,
  supportedClaims,
} from '../../src/tokens/personal-claims.ts'

const account = {
  sub: 'person',
  username: 'ada',
  name: 'Ada',
  nickname: '',
  email: 'ada@example.com',
  email_verified: false,
  phone_number: '+41441234567',
  phone_number_verified: false,
  address: { country: 'CH' },
  created_at: new Date(0),
  updated_at: new Date(1999),
  disabled: false,
} as unknown as Account
const all = [...openidScopes]

t.test('no claim can replace a claim of the protocol', async (t) => {
  // RFC 7519 §4.1, OpenID Connect Core §2 and §3.1.3.6, RFC 9068 §2.2, RFC 8693 §4, RFC 7800 §3.1, Front-Channel Logout §3.
  const protocol =
    'iss sub aud exp nbf iat jti auth_time nonce acr amr azp sid at_hash c_hash s_hash client_id scope grant_id act may_act cnf status events'
  const names = ['sub', 'iss', 'aud', 'groups', '__proto__', 'constructor']
  const claims = personalClaims({ account, visibleGroups: names }, [...all, ...protocol.split(' '), ...names])
  for (const name of protocol.split(' ')) t.notOk(Object.hasOwn(claims, name), name)
  t.same(claims['groups'], names, 'a group of such a name is a value')
  const overlapping = personalClaimNames.filter((name) => protocol.split(' ').includes(name))
  t.same(overlapping, [], 'so a request cannot name one of them, either')
})

t.test('a scope gives its own claims only, and none that is null or empty', async (t) => {
  const of = (...scopes: string[]) => personalClaims({ account, visibleGroups: ['staff'] }, scopes)
  t.same(of(), {})
  t.same(of('openid', 'offline_access', 'unknown', '__proto__', 'toString'), {})
  t.same(of('email'), { email: 'ada@example.com', email_verified: false })
  t.same(of('phone'), { phone_number: '+41441234567', phone_number_verified: false })
  t.same(of('address'), { address: { country: 'CH' } })
  t.same(of('profile'), { name: 'Ada', preferred_username: 'ada', updated_at: 1 })
  t.same(of('groups'), { groups: ['staff'] })
  t.same(of('roles'), { roles: ['staff'] })
  const nobody = {
    ...account,
    email: undefined,
    phone_number: undefined,
    address: undefined,
    name: undefined,
  } as unknown
  t.same(Object.keys(personalClaims({ account: nobody as Account, visibleGroups: [] }, all)), [
    'preferred_username',
    'updated_at',
  ])
  t.same(
    Object.keys(of(...all)).filter((name) => !supportedClaims.includes(name)),
    [],
  )
})

t.test('a claim that is named is given without its scope, and nothing else of the scope is', async (t) => {
  const of = (scopes: string[], ...named: string[]) =>
    personalClaims({ account, visibleGroups: ['staff'] }, scopes, named)
  t.same(of([], 'email'), { email: 'ada@example.com' })
  t.same(of(['openid', 'email'], 'name', 'email'), { email: 'ada@example.com', email_verified: false, name: 'Ada' })
  t.same(of([], 'groups'), { groups: ['staff'] })
  t.same(of([], 'nickname', 'birthdate', 'constructor', '__proto__', 'sub', 'disabled', 'created_at'), {})
  t.same(personalClaimsForIdToken({ account, visibleGroups: [] }, [], ['name', 'roles']), { name: 'Ada' })
})

t.test('a client sees only those groups that its metadata names', async (t) => {
  const groups = ['admins', 'staff', 'toString']
  const seen = (named: string[]) => personVisibleTo({ groups: named }, { account, groups }).visibleGroups
  t.same(seen([]), [])
  t.same(seen(['Staff', 'admin', 'constructor', '']), [])
  t.same(seen(['staff', 'others']), ['staff'])
  t.same(seen(['*']), groups)
})

t.test('an access token gets the names of groups and nothing else about the person', async (t) => {
  const person = { account, visibleGroups: ['staff'] }
  t.same(groupClaims(person, all), { groups: ['staff'], roles: ['staff'] })
  t.same(groupClaims(person, ['openid', 'profile', 'email', 'groups']), { groups: ['staff'] })
  t.same(groupClaims({ account, visibleGroups: [] }, all), {})
  t.same(groupClaims(person, ['profile']), {})
})

t.test(
  'what does not fit into an ID token is left out as a whole, and last what the person can lengthen',
  async (t) => {
    const long = { ...account, name: 'ä'.repeat(200), picture: `https://a.example/${'x'.repeat(1970)}` }
    const address = { formatted: 'x'.repeat(1000), street_address: 'y'.repeat(1000) }
    const groups = Array.from({ length: 30 }, (_, n) => `group ${n}`)
    const claims = personalClaimsForIdToken({ account: { ...long, address }, visibleGroups: groups }, all)
    t.same(claims['groups'], groups)
    t.same(claims['roles'], groups)
    t.match(claims, { email: 'ada@example.com', name: long.name })
    t.notOk('picture' in claims || 'address' in claims)
    t.ok(Buffer.byteLength(JSON.stringify(claims)) <= 2000)
    const named = personalClaimsForIdToken({ account: { ...long, address }, visibleGroups: groups }, all, ['picture'])
    t.notOk('picture' in named, 'not even if the request names it')
    const short = { ...account, picture: `https://a.example/${'x'.repeat(1900)}` }
    const first = personalClaimsForIdToken({ account: short, visibleGroups: groups }, all, ['picture'])
    t.match(first, { picture: short.picture }, 'but before what only a scope requests')
    t.notOk('groups' in first)
    t.ok(Buffer.byteLength(JSON.stringify(first)) <= 2000)
    const many = Array.from({ length: 100 }, (_, n) => `a long name of a group, number ${n}`)
    t.notOk('groups' in personalClaimsForIdToken({ account, visibleGroups: many }, all), 'no part of a list')
    t.same(personalClaims({ account, visibleGroups: many }, all)['groups'], many, 'userinfo has it')
  },
)
