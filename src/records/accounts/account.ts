import type { SessionId, Sub } from '../ids.ts'

/** RFC-shaped postal address (OpenID Connect Core §5.1.1). */
export interface Address {
  readonly formatted?: string
  readonly street_address?: string
  readonly locality?: string
  readonly region?: string
  readonly postal_code?: string
  readonly country?: string
}

/** What an account holds of a person, under the names of the standard claims (OpenID Connect Core §5.1). */
export interface Profile {
  readonly username?: string
  readonly name?: string
  readonly given_name?: string
  readonly family_name?: string
  readonly middle_name?: string
  readonly nickname?: string
  readonly profile?: string
  readonly picture?: string
  readonly website?: string
  readonly gender?: string
  readonly birthdate?: string
  readonly zoneinfo?: string
  readonly locale?: string
  readonly phone_number?: string
  readonly address?: Address
}

/** The members of a profile that are mere text, about the person (OpenID Connect Core §5.1); columns and claims have these names. */
export const descriptiveClaims = [
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'profile',
  'picture',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
] as const satisfies readonly (keyof Profile)[]

/**
 * What changes of one account take turns by (platform/turns.ts), because they lock its row: signing in, and what an operator does. What a
 * session does takes turns by the session, so that somebody with a stolen one cannot fill the queue of its person.
 */
export const accountTurn = (sub: Sub) => `account ${sub}`
export const sessionTurn = (id: SessionId) => `session ${id}`

export interface Account extends Profile {
  readonly sub: Sub
  readonly email: string | undefined
  readonly email_verified: boolean
  readonly phone_number_verified: boolean
  readonly created_at: Date
  readonly updated_at: Date
  readonly disabled: boolean
}

/** What a page calls a person. */
export function displayName(account: Pick<Account, 'name' | 'username' | 'email' | 'sub'>): string {
  return account.name ?? account.username ?? account.email ?? account.sub
}
