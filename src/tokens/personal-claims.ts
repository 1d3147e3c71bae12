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

/**
 * The claims that each scope requests (OpenID Connect Core §5.4), with their values. `groups` and `roles` (RFC 9068 §2.2.3.1 has the names) are
 * Signet's. The order is that in which an ID token takes them: last those whose length the person chooses.
 */
const claimsOfScope: Readonly<Record<string, (person: VisiblePerson) => Readonly<Record<string, Claim | undefined>>>> =
  {
    email: ({ account }) =>
      account.email === undefined ? {} : { email: account.email, email_verified: account.email_verified },
    groups: ({ visibleGroups }) => ({ groups: visibleGroups }),
    roles: ({ visibleGroups }) => ({ roles: visibleGroups }),
    phone: ({ account }) =>
      account.phone_number === undefined
        ? {}
        : { phone_number: account.phone_number, phone_number_verified: account.phone_number_verified },
    profile: ({ account }) => ({
      preferred_username: account.username,
      updated_at: Math.floor(account.updated_at.getTime() / 1000),
      ...Object.fromEntries(descriptiveClaims.map((claim) => [claim, account[claim]])),
    }),
    address: ({ account }) => ({ address: account.address }),
  }

/** The claims about the person that these scopes allow (OpenID Connect Core §5.3.2: no null, no empty string, and no empty list). */
export function personalClaims(person: VisiblePerson, scopes: readonly string[]): Record<string, Claim> {
  const claims: Record<string, Claim> = {}
  for (const [scope, valuesOf] of Object.entries(claimsOfScope)) {
    if (!scopes.includes(scope)) continue
    for (const [name, value] of Object.entries(valuesOf(person)))
      if (value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)) claims[name] = value
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
 * address would be wrong. Userinfo has all of them.
 */
export function personalClaimsForIdToken(person: VisiblePerson, scopes: readonly string[]): Record<string, Claim> {
  let left = maxOctetsInIdToken
  return Object.fromEntries(
    Object.entries(personalClaims(person, scopes)).filter(([name, value]) => {
      const octets = Buffer.byteLength(JSON.stringify({ [name]: value }))
      if (octets > left) return false
      left -= octets
      return true
    }),
  )
}

/** The claims `groups` and `roles` for the access token of an API that asks for them (RFC 9068 §2.2.3.1). */
export function groupClaims(person: VisiblePerson, scopes: readonly string[]): Record<string, Claim> {
  return personalClaims(
    person,
    scopes.filter((scope) => scope === 'groups' || scope === 'roles'),
  )
}

/** All claims that userinfo can return, for `claims_supported` (OpenID Connect Discovery §3). */
export const supportedClaims: readonly string[] = [
  'sub',
  ...descriptiveClaims,
  'preferred_username',
  'updated_at',
  'email',
  'email_verified',
  'address',
  'phone_number',
  'phone_number_verified',
  'groups',
  'roles',
]
