import { type Account, descriptiveClaims } from '../records/accounts/account.ts'

type Claim = string | number | boolean | object

/** The claims that each scope requests (OpenID Connect Core §5.4), with their values from an account. */
const claimsOfScope: Readonly<Record<string, (account: Account) => Readonly<Record<string, Claim | undefined>>>> = {
  profile: (account) => ({
    ...Object.fromEntries(descriptiveClaims.map((claim) => [claim, account[claim]])),
    preferred_username: account.username,
    updated_at: Math.floor(account.updated_at.getTime() / 1000),
  }),
  email: (account) =>
    account.email === undefined ? {} : { email: account.email, email_verified: account.email_verified },
  address: (account) => ({ address: account.address }),
  phone: (account) =>
    account.phone_number === undefined
      ? {}
      : { phone_number: account.phone_number, phone_number_verified: account.phone_number_verified },
}

/** The claims that these scopes allow and the account has (OpenID Connect Core §5.3.2: no null, no empty string). */
export function userinfoClaims(account: Account, scopes: readonly string[]): Record<string, Claim> {
  const claims: Record<string, Claim> = { sub: account.sub }
  for (const scope of scopes) {
    if (!Object.hasOwn(claimsOfScope, scope)) continue
    for (const [name, value] of Object.entries(claimsOfScope[scope]!(account)))
      if (value !== undefined && value !== '') claims[name] = value
  }
  return claims
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
]
