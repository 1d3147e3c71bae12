import { type Account, descriptiveClaims } from '../records/accounts/account.ts'
import type { Client } from '../records/clients/client.ts'
import { groupsVisibleTo } from '../records/groups/group-rules.ts'
import type { GrantedPerson } from './granted-person-store.ts'

/** A person, as one client sees them. */
export interface VisiblePerson {
  readonly account: Account
  /**
   * The names of those of their groups that the client may see. The member is not called `groups`, so that a `GrantedPerson`, who has all of them,
   * cannot be passed by mistake.
   */
  readonly visibleGroups: readonly string[]
}

export function personVisibleTo(client: Pick<Client, 'groups'>, { account, groups }: GrantedPerson): VisiblePerson {
  return { account, visibleGroups: groupsVisibleTo(client, groups) }
}

type Claim = string | number | boolean | object

/** The value of a claim for a person; undefined if there is none. */
type ValueOf = (person: VisiblePerson) => Claim | undefined

/**
 * The claims that each scope requests (OpenID Connect Core §5.4), with their values: scope, claim, value. `groups` and `roles` (RFC 9068 §2.2.3.1 has the
 * names) are Signet's. The order is that in which an ID token takes them: last those whose length the person chooses. Everything else about claims and
 * their scopes is derived from this table.
 */
const claimsOfScopes: readonly (readonly [string, string, ValueOf])[] = [
  ['email', 'email', ({ account }) => account.email],
  ['email', 'email_verified', ({ account }) => (account.email === undefined ? undefined : account.email_verified)],
  ['groups', 'groups', ({ visibleGroups }) => visibleGroups],
  ['roles', 'roles', ({ visibleGroups }) => visibleGroups],
  ['phone', 'phone_number', ({ account }) => account.phone_number],
  [
    'phone',
    'phone_number_verified',
    ({ account }) => (account.phone_number === undefined ? undefined : account.phone_number_verified),
  ],
  ['profile', 'preferred_username', ({ account }) => account.username],
  ['profile', 'updated_at', ({ account }) => Math.floor(account.updated_at.getTime() / 1000)],
  ...descriptiveClaims.map((claim): [string, string, ValueOf] => ['profile', claim, ({ account }) => account[claim]]),
  ['address', 'address', ({ account }) => account.address],
]

/** The scope that each of these claims belongs to. A map, because a request can name a claim `constructor`. */
const scopesOfClaims: ReadonlyMap<string, string> = new Map(claimsOfScopes.map(([scope, claim]) => [claim, scope]))

/** The scope that a claim about a person belongs to; undefined if it is not such a claim. */
export function scopeOfClaim(claim: string): string | undefined {
  return scopesOfClaims.get(claim)
}

/** All claims about a person, for which a request can ask one by one (OpenID Connect Core §5.5). */
export const personalClaimNames: readonly string[] = [...scopesOfClaims.keys()]

/**
 * The claims about the person that these scopes allow, and those that the request names one by one (OpenID Connect Core §5.3.2: no null, no empty
 * string, and no empty list).
 *
 * @param named names of claims that the client may have, whatever its scopes (requested-claims.ts)
 */
export function personalClaims(
  person: VisiblePerson,
  scopes: readonly string[],
  named: readonly string[] = [],
): Record<string, Claim> {
  const claims: Record<string, Claim> = {}
  for (const [scope, claim, valueFor] of claimsOfScopes) {
    if (!scopes.includes(scope) && !named.includes(claim)) continue
    const value = valueFor(person)
    if (value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)) claims[claim] = value
  }
  return claims
}

/**
 * The maximum size of the claims about a person in an ID token, in octets of JSON. With the rest of the token, a nonce of a hundred characters
 * and a signature with an RSA key of 4096 bits, they stay below the 4096 characters that an `id_token_hint` may have.
 */
const maxOctetsInIdToken = 2000

/**
 * The claims about the person for an ID token. A claim that does not fit any more is left out as a whole, because part of a list of groups or of an
 * address would be wrong. Userinfo has all claims of the scopes. Those that the request names for the ID token come first.
 *
 * @param named as in `personalClaims`
 */
export function personalClaimsForIdToken(
  person: VisiblePerson,
  scopes: readonly string[],
  named: readonly string[] = [],
): Record<string, Claim> {
  let left = maxOctetsInIdToken
  return Object.fromEntries(
    Object.entries({ ...personalClaims(person, [], named), ...personalClaims(person, scopes) }).filter(
      ([name, value]) => {
        const octets = Buffer.byteLength(JSON.stringify({ [name]: value }))
        if (octets > left) return false
        left -= octets
        return true
      },
    ),
  )
}

/** The claims `groups` and `roles` for the access token of an API that asks for them (RFC 9068 §2.2.3.1). */
export function groupClaims(person: VisiblePerson, scopes: readonly string[]): Record<string, Claim> {
  return personalClaims(
    person,
    scopes.filter((scope) => scope === 'groups' || scope === 'roles'),
  )
}

/** All claims that Signet can return, for `claims_supported` (OpenID Connect Discovery §3): in ID tokens, and about the person. */
export const supportedClaims: readonly string[] = [
  // OpenID Connect Core §2 and §3.1.3.6; `sid` of OpenID Connect Back-Channel Logout §2.1.
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'at_hash', 'sid'],
  ...personalClaimNames,
]
