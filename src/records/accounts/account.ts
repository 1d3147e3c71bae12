import type { SessionId, Sub } from '../ids.ts'

/** A postal address (OpenID Connect Core §5.1.1). */
export interface Address {
  readonly formatted?: string
  readonly street_address?: string
  readonly locality?: string
  readonly region?: string
  readonly postal_code?: string
  readonly country?: string
}

/** The data about a person, under the names of the standard claims (OpenID Connect Core §5.1). */
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

/** The members of a profile that are plain text about the person (OpenID Connect Core §5.1). Columns and claims have these names. */
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
 * The key of the queue (platform/turns.ts) in which changes of one account wait, because they lock its row: sign-ins, and changes by an operator.
 * Changes in a session wait in a queue for that session, so that somebody with a stolen session cannot fill the queue of the account.
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
  /** Whether the person created the account on the sign-up page. Undefined: an earlier release created it, and nobody has signed in to it since. */
  readonly signed_up: boolean | undefined
}

/** The name of a person on pages. */
export function displayName(account: Pick<Account, 'name' | 'username' | 'email' | 'sub'>): string {
  return account.name ?? account.username ?? account.email ?? account.sub
}
